using System.IO.Compression;

namespace ResNet.Core.Tests.Packaging;

/// <summary>TorchSharp's native library for Linux, as its package contains it.</summary>
internal static class TorchSharpNative
{
    public const string PathInPackage = "runtimes/linux-x64/native/libLibTorchSharp.so";

    /// <summary>The version that the library requires and does not use.</summary>
    public const string UnusedVersion = "GLIBCXX_3.4.32";

    public static string GetCachePath(BuildTools tools) => Path.Combine([GetFolder(tools), .. PathInPackage.Split('/')]);

    public static byte[] ReadFromPackage(BuildTools tools)
    {
        using var package = ZipFile.OpenRead(Path.Combine(GetFolder(tools), "torchsharp.0.107.0.nupkg"));
        using var entry = package.GetEntry(PathInPackage)!.Open();
        using var bytes = new MemoryStream();
        entry.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Asserts that <paramref name="copy"/> has the weak flag at the unused version, and that no other byte differs.</summary>
    public static void AssertRelaxed(byte[] original, byte[] copy)
    {
        Assert.Equal(original.Length, copy.Length);
        var changed = Assert.Single(Enumerable.Range(0, original.Length), at => original[at] != copy[at]);
        Assert.Equal(new Elf(original).FindVersionFlags("libstdc++.so.6", UnusedVersion), changed);
        Assert.Equal((0, 2), (original[changed], copy[changed])); // VER_FLG_WEAK
    }

    private static string GetFolder(BuildTools tools) => Path.Combine(tools.NuGetCache, "torchsharp", "0.107.0");
}
