using Xunit.Abstractions;

namespace ResNet.Core.Tests.Weights;

/// <summary>A process that is killed while it saves leaves a complete file: the old one or the new one.</summary>
[Trait(Category.Name, Category.Slow)]
public sealed class KilledSaveTests(ITestOutputHelper log) : IDisposable
{
    private const int Kills = 30; // of each format

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void The_file_is_whole_whenever_the_process_is_killed(string extension)
    {
        var path = _folder[$"model.{extension}"];
        var random = new Random(1);
        using var module = ChildProcess.CreateModule();
        var interrupted = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            using var child = ChildProcess.Start("save", path);
            Assert.Equal("started", child.StandardOutput.ReadLine());
            Thread.Sleep(random.Next(60)); // about ten saves
            child.Kill();
            child.WaitForExit();
            var left = Directory.GetFiles(_folder.Path, "*.partial").Length;
            Assert.InRange(left, 0, 1); // each process removes what the previous one left
            interrupted += left;

            Checkpoint.Load(module, path);
            ChildProcess.AssertFromOneSave(module);
        }

        log.WriteLine($"{extension}: {interrupted} of {Kills} kills interrupted a save");
        // Otherwise no save was interrupted, and nothing was tested.
        Assert.InRange(interrupted, 1, Kills);
        Checkpoint.Save(module, path);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }
}
