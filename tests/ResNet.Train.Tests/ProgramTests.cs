using ResNet.Core;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class ProgramTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public ProgramTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact]
    public void It_trains_and_writes_weights_and_charts()
    {
        var (code, output, error) = Run("--data", _data.Path, "--out", _out.Path, "--epochs", "2", "--batch-size", "16");

        Assert.Equal((0, ""), (code, error));
        Assert.Equal(2, output.Split('\n').Count(line => line.StartsWith("epoch ", StringComparison.Ordinal)));
        Assert.StartsWith("10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9", output, StringComparison.Ordinal);
        Assert.Contains($"\nResNet-18 on {Libtorch.Describe(Devices.Find("auto"))}{Settings.Read(_out.Path).DescribeComputation(Devices.Find("auto"))}: 60 images", output, StringComparison.Ordinal);
        Assert.Contains("test accuracy ", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
        Assert.DoesNotContain('\r', output.ReplaceLineEndings("\n"));
        Assert.Equal(
            ["checkpoint.safetensors", "confusion-matrix.png", "events", "images.json", "learning-curves.png", "metrics.csv", "misclassified.png", "model.pth", "model.safetensors", "network.json", "settings.json"],
            ListOutput());
        foreach (var name in new[] { "model.safetensors", "model.pth", "confusion-matrix.png", "learning-curves.png", "misclassified.png" })
            Assert.Contains(_out[name], output, StringComparison.Ordinal);
        foreach (var name in new[] { "confusion-matrix.png", "learning-curves.png", "misclassified.png" })
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(_out[name])[..4]);
        Assert.DoesNotContain("weights from", output, StringComparison.Ordinal);

        manual_seed(1);
        var metrics = File.ReadAllLines(_out["metrics.csv"]);
        Assert.Equal(["epoch", "1", "2"], metrics.Select(line => line.Split(',')[0]));
        Assert.All(metrics, line => Assert.Equal(6, line.Split(',').Length));
        Assert.All(metrics[1..], line => Assert.Contains($"loss {double.Parse(line.Split(',')[1], System.Globalization.CultureInfo.InvariantCulture):0.000}  ", output, StringComparison.Ordinal));

        using var untrained = new ResNet18(10);
        using var trained = Network.Load(_out["model.safetensors"]);
        using var same = Network.Load(_out["model.pth"]);
        Assert.True(Network.ComputeDistance(trained.parameters(), untrained.parameters()) > 0.001);
        Assert.Equal(0, Network.ComputeDistance(trained.state_dict().Values, same.state_dict().Values));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_same_seed_gives_the_same_weights_and_another_seed_gives_others()
    {
        byte[][] TrainWeights(string seed, string folder)
        {
            Assert.Equal(0, Run("--data", _data.Path, "--out", _out[folder], "--epochs", "1", "--batch-size", "16", "--device", "cpu", "--seed", seed).Code);
            return [File.ReadAllBytes(_out[$"{folder}/model.safetensors"]), File.ReadAllBytes(_out[$"{folder}/model.pth"])];
        }

        var (first, again, other) = (TrainWeights("5", "a"), TrainWeights("5", "b"), TrainWeights("6", "c"));
        for (var file = 0; file < 2; file++)
        {
            Assert.True(first[file].AsSpan().SequenceEqual(again[file]));
            Assert.False(first[file].AsSpan().SequenceEqual(other[file]));
        }
    }

    [Theory]
    [InlineData("--epochs: expected a whole number from 1 to 10000, got '0'", "--epochs", "0")]
    [InlineData("--epochs: expected a whole number from 1 to 10000, got '1.5'", "--epochs", "1.5")]
    [InlineData("--batch-size: expected a whole number from 2 to 4096, got '1'", "--batch-size", "1")]
    [InlineData("--lr: expected a number above 0, got '-1'", "--lr", "-1")]
    [InlineData("--lr: expected a number above 0, got '0'", "--lr", "0")]
    [InlineData("--lr: expected a number above 0, got 'NaN'", "--lr", "NaN")]
    [InlineData("--lr: expected a number above 0, got 'Infinity'", "--lr", "Infinity")]
    [InlineData("--seed: expected a whole number from 0 to 2147483647, got 'x'", "--seed", "x")]
    [InlineData("--device: expected auto, cpu, cuda or cuda:N, got 'tpu'", "--device", "tpu")]
    [InlineData("--device: expected an available GPU, got 'cuda:4096'", "--device", "cuda:4096")]
    [InlineData("--data: expected a folder", "--data", "no/such/folder")]
    [InlineData("--out: expected a folder that can be written", "--out", "")]
    [InlineData("--size: expected a whole number from 16 to 1024, got '8'", "--size", "8")]
    [InlineData("--min-crop-area: expected a number above 0, to 1, got '0'", "--min-crop-area", "0")]
    [InlineData("--flip: expected a number from 0 to 1, got '2'", "--flip", "2")]
    [InlineData("--warmup: expected a number from 0 to below 1, got '1'", "--warmup", "1")]
    [InlineData($"--arch: expected {ArchitectureTests.Names}, got 'resnet20'", "--arch", "resnet20")]
    [InlineData("--stem: expected Conv7, Conv7MaxPool, Conv3, got 'Conv5'", "--stem", "Conv5")]
    [InlineData("--stem: expected Conv7, Conv7MaxPool, Conv3, got '1'", "--stem", "1")]
    [InlineData("'--bogus'", "--bogus")]
    [InlineData("'--epochs'", "--epochs")]
    [InlineData("The loss became", "--lr", "1e30", "--epochs", "3")]
    public void A_bad_value_is_refused_in_one_line(string message, params string[] arguments)
    {
        // The other options are good.
        string[] rest = [.. arguments.Contains("--data") ? [] : (string[])["--data", _data.Path], .. arguments.Contains("--out") ? [] : (string[])["--out", _out.Path]];
        AssertRefused(message, [.. rest, .. arguments]);
    }

    [Fact]
    public void A_damaged_file_is_refused_in_one_line()
    {
        var path = _data["train-images-idx3-ubyte.gz"];
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^20]);
        AssertRefused(path, "--data", _data.Path, "--out", _out.Path);
    }

    [Fact]
    public void An_output_folder_that_is_a_file_is_refused_in_one_line() =>
        AssertRefused("--out: expected a folder that can be written", "--data", _data.Path, "--out", _data["t10k-labels-idx1-ubyte.gz"]);

    [Fact]
    public void Help_lists_the_options_and_trains_nothing()
    {
        var (code, output, error) = Run("--help");

        Assert.Equal((0, ""), (code, error));
        Assert.All(["--data", "--weights", "--epochs", "--batch-size", "--lr", "--seed", "--device", "--out", "train", "resume", "evaluate", "--weight-decay", "--label-smoothing", "--ema", "--arch", "--stem", "--size", "--crop-ratio", "--translate", "--min-crop-area", "--flip", "--random-erase", "--warmup", "--precision", "--channels-last", "predict", "features", "similar", "lr-find"], option => Assert.Contains(option, output, StringComparison.Ordinal));
    }

    [SignalFact(2)]
    public void Ctrl_C_saves_the_weights_so_far() => Interrupt("INT", 130);

    [SignalFact(15), Trait(Category.Name, Category.Slow)]
    public void SIGTERM_saves_the_weights_so_far() => Interrupt("TERM", 143);

    /// <summary>Lists the output folder, with TensorBoard's file as <c>events</c>: its name ends with the time and the machine.</summary>
    private IEnumerable<string> ListOutput() =>
        Directory.GetFileSystemEntries(_out.Path).Select(path => Path.GetFileName(path)).Select(name => name.StartsWith("events.out.tfevents.", StringComparison.Ordinal) ? "events" : name).Order();

    private void Interrupt(string signal, int expectedCode)
    {
        using var program = Start("--data", _data.Path, "--out", _out.Path, "--epochs", "10000", "--batch-size", "16");
        var error = program.StandardError.ReadToEndAsync();
        while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch ", StringComparison.Ordinal)) { }
        Signal.Send(signal, program.Id);

        var output = program.StandardOutput.ReadToEnd();
        program.WaitForExit();

        Assert.Equal((expectedCode, ""), (program.ExitCode, error.Result));
        Assert.Contains($"weights so far    {_out["model.safetensors"]}", output, StringComparison.Ordinal);
        Assert.Contains($"for torch.load    {_out["model.pth"]}", output, StringComparison.Ordinal);
        Assert.Equal(["checkpoint.safetensors", "events", "images.json", "learning-curves.png", "metrics.csv", "model.pth", "model.safetensors", "network.json", "settings.json"], ListOutput());
        using var model = Network.Load(_out["model.safetensors"]);
        using var same = Network.Load(_out["model.pth"]);
        Assert.Equal(0, Network.ComputeDistance(model.state_dict().Values, same.state_dict().Values));
    }
}
