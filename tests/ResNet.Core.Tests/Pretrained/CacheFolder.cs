using System.Security.Cryptography;
using ResNet.Core.Pretrained;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>A cache of its own for a test, and a small file that is published.</summary>
internal sealed class CacheFolder : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(20) };

    public CacheFolder() => new Random(1).NextBytes(Content);

    public byte[] Content { get; } = new byte[600_000];

    public string Sha256 => ComputeSha256(Content);

    /// <summary>Two folders deep, neither of which is there at first.</summary>
    public string Folder => Path.Combine(_folder.Path, "hub", "checkpoints");

    public string File => Path.Combine(Folder, "net.pth");

    /// <summary>What a call that ended leaves for the next one.</summary>
    public string Partial => Path.Combine(Folder, "resnet-core-net.pth.partial");

    public static string ComputeSha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public Task<string> DownloadAsync(WebServer server, HttpClient? client = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default) =>
        new Download(client ?? _client, server["net.pth"], File, Sha256[..8], Content.Length) { Pause = TimeSpan.FromMilliseconds(5) }.RunAsync(progress, cancellationToken);

    /// <summary>What lies where a call that was cut off leaves it.</summary>
    public void WritePartial(byte[] content)
    {
        Directory.CreateDirectory(Folder);
        System.IO.File.WriteAllBytes(Partial, content);
    }

    /// <summary>That the file is there as it is published, and nothing else.</summary>
    public void AssertWhole()
    {
        Assert.True(Content.AsSpan().SequenceEqual(System.IO.File.ReadAllBytes(File)));
        Assert.Equal([File], Directory.GetFileSystemEntries(Folder));
    }

    /// <summary>That what lies beside it is the file's beginning.</summary>
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
