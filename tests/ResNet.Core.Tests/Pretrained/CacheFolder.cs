using System.Security.Cryptography;
using ResNet.Core.Pretrained;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>A test's own cache folder, and a small file to download into it.</summary>
internal sealed class CacheFolder : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(20) };

    public CacheFolder() => new Random(1).NextBytes(Content);

    public byte[] Content { get; } = new byte[600_000];

    public string Sha256 => ComputeSha256(Content);

    /// <summary>Two folders deep; neither exists at first.</summary>
    public string Folder => Path.Combine(_folder.Path, "hub", "checkpoints");

    public string File => Path.Combine(Folder, "net.pth");

    /// <summary>What an interrupted call leaves for the next one.</summary>
    public string Partial => Path.Combine(Folder, "resnet-core-net.pth.partial");

    public static string ComputeSha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public Task<string> DownloadAsync(WebServer server, HttpClient? client = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default) =>
        new Download(client ?? _client, server["net.pth"], File, Sha256[..8], Content.Length) { Pause = TimeSpan.FromMilliseconds(5) }.RunAsync(progress, cancellationToken);

    /// <summary>Writes the partial file of an interrupted call.</summary>
    public void WritePartial(byte[] content)
    {
        Directory.CreateDirectory(Folder);
        System.IO.File.WriteAllBytes(Partial, content);
    }

    /// <summary>Asserts that the folder contains the complete file and nothing else.</summary>
    public void AssertWhole()
    {
        Assert.True(Content.AsSpan().SequenceEqual(System.IO.File.ReadAllBytes(File)));
        Assert.Equal([File], Directory.GetFileSystemEntries(Folder));
    }

    /// <summary>Asserts that a failed call left nothing.</summary>
    public void AssertEmpty() => Assert.Empty(Directory.GetFileSystemEntries(Folder));

    /// <summary>Asserts that the partial file holds the first bytes of the file.</summary>
    public void AssertBeginning(int length)
    {
        Assert.False(Path.Exists(File));
        Assert.Equal(length, new FileInfo(Partial).Length);
        Assert.True(Content.AsSpan(0, length).SequenceEqual(System.IO.File.ReadAllBytes(Partial)));
    }

    public void Dispose()
    {
        _client.Dispose();
        _folder.Dispose();
    }
}
