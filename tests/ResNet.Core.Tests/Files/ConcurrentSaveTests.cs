using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Files;

/// <summary>Processes and threads that save to one path at the same time: whoever reads it finds a whole file of one of them.</summary>
public sealed class ConcurrentSaveTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LinuxFact, Trait(Category.Name, Category.Slow)] // Windows refuses to replace a file while somebody reads it
    public async Task Every_reader_finds_a_whole_file_and_every_save_succeeds()
    {
        var path = _folder["model.pth"];
        using var first = ChildProcess.Start("save", path);
        using var second = ChildProcess.Start("save", path);
        Assert.Equal("started", first.StandardOutput.ReadLine());
        Assert.Equal("started", second.StandardOutput.ReadLine());
        using var enough = new CancellationTokenSource();
        // On threads of their own: savers that never end would keep those of the pool, of which loading needs one.
        Task[] threads = [.. new[] { -1f, -2f }.Select(value => Task.Factory.StartNew(() => SaveUntil(value), enough.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        using (var module = ChildProcess.CreateModule())
            for (var look = 0; look < 200; look++)
            {
                using var scope = NewDisposeScope();
                Checkpoint.Load(module, path);
                ChildProcess.AssertFromOneSave(module);
            }

        await enough.CancelAsync();
        await Task.WhenAll(threads);
        Assert.False(first.HasExited || second.HasExited, "a save in another process failed");
        first.Kill();
        second.Kill();
        first.WaitForExit();
        second.WaitForExit();
        using (var module = ChildProcess.CreateModule())
            Checkpoint.Save(module, path);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));

        void SaveUntil(float value)
        {
            using var module = ChildProcess.CreateModule();
            ChildProcess.Fill(module, value);
            while (!enough.IsCancellationRequested)
                Checkpoint.Save(module, path);
        }
    }
}
