using ResNet.Core.Files;

namespace ResNet.Core.Tests.Files;

/// <summary>A writer deletes its partial file if it is empty. On Unix, another one may have opened it a moment before, and lock it a moment later.</summary>
public sealed class PartialFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LinuxFact]
    public void Only_one_writer_at_a_time_has_the_file()
    {
        var (writers, opened, clashes) = (0, 0, 0);
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                using var file = PartialFile.TryOpen(_folder["net.pth"]);
                if (file is null)
                    continue;
                Interlocked.Increment(ref opened);
                if (Interlocked.Increment(ref writers) > 1)
                    Interlocked.Increment(ref clashes);
                Thread.Yield();
                Interlocked.Decrement(ref writers);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.NotEqual(0, opened);
        Assert.Equal(0, clashes);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }
}
