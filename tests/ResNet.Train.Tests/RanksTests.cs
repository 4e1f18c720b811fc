using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>The program on two ranks, under each installed launcher.</summary>
public sealed class RanksTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    private string[] CreateArguments(string folder, int epochs) =>
        ["--data", _data.Path, "--out", _out[folder], "--epochs", $"{epochs}", "--batch-size", "12", "--lr", "0.02", "--size", "16", "--device", "cpu"];

    /// <summary>The training differs from that of one process, because each rank's batch norm sees its own images. The evaluation does not.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void Two_ranks_write_one_set_of_files_and_evaluate_as_one_process_does(MpiKind mpi)
    {
        Idx.WriteSet(_data);

        var (code, output, error) = LaunchedProgram.Run(mpi, [.. CreateArguments("run", 1), "--ema", "0.9", "--balanced"]);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains($"without CUDA, 2 ranks{Settings.Read(_out["run"]).DescribeComputation(TorchSharp.torch.CPU)}: 60 images to train and validate, 20 to test", output, StringComparison.Ordinal);
        foreach (var line in (string[])["10 classes", "ResNet-18 on ", "epoch 1/1 ", "weights  ", "test accuracy "])
            Assert.Single(output.Split('\n'), text => text.StartsWith(line, StringComparison.Ordinal));
        Assert.Equal(
            ["checkpoint.safetensors", "confusion-matrix.png", "images.json", "learning-curves.png", "metrics.csv", "misclassified.png", "model.pth", "model.safetensors", "network.json", "settings.json"],
            Directory.GetFiles(_out["run"]).Select(file => Path.GetFileName(file)).Where(name => !name.StartsWith("events.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Single(Directory.GetFiles(_out["run"], "events.*"));

        // To the last digit: each rank computes whole batches, as one process does.
        var alone = Evaluate(_out["run"]);
        var (evaluated, shared, _) = LaunchedProgram.Run(mpi, "evaluate", _out["run"]);
        Assert.Equal(0, evaluated);
        Assert.Equal(alone, string.Join('\n', shared.TrimEnd().Split('\n').SkipLast(1)));
        Assert.Equal(FindTestAccuracy(alone), FindTestAccuracy(output));

        static string FindTestAccuracy(string text) => text.Split('\n').Single(line => line.StartsWith("test accuracy", StringComparison.Ordinal)).Split(',')[0];
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void An_interrupted_training_resumes_with_fewer_and_with_more_ranks(MpiKind mpi)
    {
        Idx.WriteSet(_data);
        using (var program = new LaunchedProgram(mpi, CreateArguments("run", 1000)))
        {
            program.WaitFor("epoch 1/1000 ");
            program.Send("TERM");
            var (code, output, error) = program.End();
            Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
            if (mpi == MpiKind.Mpich)
            {
                Assert.Contains(code, (int[])[143, 0]); // MPICH's launcher reports 0 if it ends before the ranks do, as on a busy machine
                Assert.Contains("weights so far ", output, StringComparison.Ordinal);
                Assert.Contains($"to continue       resume {_out["run"]}", output, StringComparison.Ordinal);
            }
            else // Open MPI turns every code into 1. It kills the ranks after a second, before a busy machine may have written the weights.
                Assert.NotEqual(0, code);
        }

        // One epoch on one process, then on two ranks again
        using (var program = Start("resume", _out["run"]))
        {
            var last = "";
            while (program.StandardOutput.ReadLine() is { } line && !last.StartsWith("epoch ", StringComparison.Ordinal))
                last = line;
            program.Kill();
            program.WaitForExit();
            Assert.StartsWith("epoch ", last, StringComparison.Ordinal);
        }
        var settings = File.ReadAllText(_out["run/settings.json"]);
        using (var program = new LaunchedProgram(mpi, "resume", _out["run"]))
        {
            program.WaitFor("resumed after ");
            program.WaitFor("epoch ");
            program.Send("TERM");
            program.End(); // before the folder is deleted
        }
        Assert.Equal(settings, File.ReadAllText(_out["run/settings.json"])); // above all the learning rate
    }

    /// <summary>A rank mostly waits for the others, and must stop at the same step. A second signal changes nothing.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void A_signal_to_one_rank_stops_all_ranks_and_saves_the_weights(MpiKind mpi)
    {
        Idx.WriteSet(_data);
        using var program = new LaunchedProgram(mpi, CreateArguments("run", 1000));
        program.WaitFor("epoch 1/1000 ");
        var rank = program.FindRank(1);
        program.Send("TERM", rank);
        program.WaitFor("interrupted after ");
        program.Send("TERM", rank); // it has nothing left to do while rank 0 writes
        var (code, output, error) = program.End();

        Assert.Equal(143, code);
        Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
        Assert.Contains($"to continue       resume {_out["run"]}", output, StringComparison.Ordinal);
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void Training_steps_with_one_image_per_rank_are_refused(MpiKind mpi)
    {
        TestImages.WriteSet(_data);

        var (code, _, error) = LaunchedProgram.Run(mpi, "--data", _data.Path, "--out", _out["run"], "--batch-size", "4", "--size", "32", "--device", "cpu");

        Assert.NotEqual(0, code);
        Assert.Single(error.Split('\n'), line => line.Contains("expected at least 2 images per training step for each of the 2 ranks, got ", StringComparison.Ordinal));
        Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_out["run/settings.json"]));
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void An_image_that_one_rank_can_no_longer_read_ends_all_ranks(MpiKind mpi)
    {
        TestImages.WriteSet(_data);
        using var program = new LaunchedProgram(mpi, "--data", _data.Path, "--out", _out["run"], "--epochs", "1000", "--batch-size", "10", "--lr", "0.01", "--size", "32", "--device", "cpu");
        program.WaitFor("epoch 1/1000 ");
        var gone = _data[ImageList.Read(_out["run"])!.Training.Keys.First()];
        File.Delete(gone);
        var (code, _, error) = program.End();

        Assert.NotEqual(0, code);
        Assert.Single(error.Split('\n'), line => line.Contains($"{gone}: cannot be read", StringComparison.Ordinal));
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [Under(MpiKind.OpenMpi)]
    [Under(MpiKind.Mpich)]
    public void An_error_on_every_rank_is_reported_once(MpiKind mpi)
    {
        var (code, output, error) = LaunchedProgram.Run(mpi, "--data", _data["nowhere"], "--batch-size", "3");

        Assert.NotEqual((0, ""), (code, output));
        Assert.Single(error.Split('\n'), line => line.Contains("expected at least 2 images per training step for each of the 2 ranks", StringComparison.Ordinal));
        Assert.DoesNotContain("rank 1 of 2", error, StringComparison.Ordinal);
        Assert.Single(LaunchedProgram.Run(mpi, "predict", "x.png").Error.Split('\n'), line => line.Contains("predict: expected one process, got 2 ranks", StringComparison.Ordinal));
    }
}
