using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Files;

/// <summary>While processes and threads save to one path, a reader always finds the complete file of one save.</summary>
public sealed class ConcurrentSaveTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LinuxFact, Trait(Category.Name, Category.Slow)] // Windows refuses to replace a file that is being read
    public async Task Every_reader_finds_a_whole_file_and_every_save_succeeds()
    {
        var path = _folder["model.pth"];
        using var first = ChildProcess.Start("save", path);
        using var second = ChildProcess.Start("save", path);
        Assert.Equal("started", first.StandardOutput.ReadLine());
        Assert.Equal("started", second.StandardOutput.ReadLine());
        using var stop = new CancellationTokenSource();
        // Dedicated threads: endless savers would occupy the thread pool, which loading needs.
        Task[] threads = [.. new[] { -1f, -2f }.Select(value => Task.Factory.StartNew(() => SaveUntil(value), stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        using (var module = ChildProcess.CreateModule())
            for (var load = 0; load < 200; load++)
            {
                using var scope = NewDisposeScope();
                Checkpoint.Load(module, path);
                ChildProcess.AssertFromOneSave(module);
            }

        await stop.CancelAsync();
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
            while (!stop.IsCancellationRequested)
                Checkpoint.Save(module, path);
        }
    }
}
