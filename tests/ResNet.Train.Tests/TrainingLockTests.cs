using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>Two trainings cannot write into one folder.</summary>
public sealed class TrainingLockTests : IDisposable
{
    private const string Taken = "expected a folder that no other training writes into";

    private readonly TempFolder _data = new(), _out = new();

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_second_training_is_refused_until_the_first_one_is_killed()
    {
        Idx.WriteSet(_data, training: 30, test: 2);
        string[] arguments = ["--data", _data.Path, "--out", _out.Path, "--size", "16", "--batch-size", "16", "--device", "cpu", "--epochs"];
        using (var program = Start([.. arguments, "10000"]))
        {
            while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 1/", StringComparison.Ordinal)) { }
            var settings = File.ReadAllBytes(_out[Settings.FileName]);
            AssertRefused(Taken, [.. arguments, "1"]);
            AssertRefused(Taken, "resume", _out.Path);
            Assert.Equal(settings, File.ReadAllBytes(_out[Settings.FileName]));
            program.Kill();
            program.WaitForExit();
        }
        Assert.True(File.Exists(_out[TrainingLock.FileName]) || OperatingSystem.IsWindows()); // Windows removes it itself

        Assert.Equal((0, ""), (Run([.. arguments, "1"]) is var (code, _, error) ? (code, error) : default));
        Assert.False(File.Exists(_out[TrainingLock.FileName]));
    }

    [Fact]
    public void The_open_file_is_the_lock()
    {
        using (TrainingLock.Take(_out.Path))
            Assert.Contains(Taken, Assert.Throws<UserException>(() => TrainingLock.Take(_out.Path)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_out.Path));

        _out.Write(TrainingLock.FileName, []);
        using var again = TrainingLock.Take(_out.Path);
        Assert.NotNull(again);
    }

    [Fact]
    public void A_folder_that_cannot_be_locked_is_used_without_a_lock()
    {
        Assert.Null(TrainingLock.Take(_out["nowhere"]));
        Directory.CreateDirectory(_out[TrainingLock.FileName]);
        Assert.Null(TrainingLock.Take(_out.Path));
    }
}
