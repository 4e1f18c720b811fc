using ResNet.Core;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

public sealed class EvaluateTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public EvaluateTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Evaluate_repeats_the_accuracy_of_the_training()
    {
        var (code, trained, _) = Run("--data", _data.Path, "--out", _out["run"], "--epochs", "2", "--batch-size", "16", "--device", "cpu");
        Assert.Equal(0, code);
        var accuracy = trained.Split('\n').Single(line => line.StartsWith("test accuracy", StringComparison.Ordinal)).Split(',')[0];

        foreach (var weights in new[] { "run", "run/model.safetensors", "run/model.pth" })
        {
            var (status, output, error) = Run(weights == "run" ? ["evaluate", _out[weights], "--device", "cpu"] : ["evaluate", _out[weights], "--data", _data.Path, "--device", "cpu"]);
            Assert.Equal((0, ""), (status, error));
            var lines = output.ReplaceLineEndings("\n").TrimEnd().Split('\n');
            Assert.StartsWith($"{accuracy}, loss ", lines[0], StringComparison.Ordinal);
            Assert.Equal(12, lines.Length);
            Assert.Matches(@"^[0-9.]+ s, [0-9.]+ images/s$", lines[11]);
            lines = lines[..11];
            Assert.All(lines[1..], line => Assert.EndsWith(" of 2", line, StringComparison.Ordinal));
            var right = int.Parse(accuracy.Split(": ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(right, lines[1..].Sum(line => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    [Fact]
    public void Weights_and_folders_that_do_not_fit_are_refused()
    {
        using var run = new TempFolder();
        UntrainedRun.Write(run, new ModelConfig(Stem.Conv7, 32, 32.0 / 28, Grayscale: true, new Normalization([0.1], [0.2]), [.. Enumerable.Range(0, 10).Select(digit => $"{digit}")]));
        using var other = new ResNet18(7);
        Checkpoint.Save(other, run["other.pth"]);
        Checkpoint.Save(other, _out["alone.pth"]);
        AssertRefused("fc.bias (expected (10), got (7))", "evaluate", run["other.pth"], "--data", _data.Path);
        AssertRefused("expected the folder of a training run, or a file in it", "evaluate", _out["alone.pth"], "--data", _data.Path);
        AssertRefused("Could not find", "evaluate", run["nothing.pth"], "--data", _data.Path);
        AssertRefused("expected the folder of a training run, or a file in it", "evaluate", _data.Path, "--data", _data.Path);
        AssertRefused("expected images of the network's classes", "evaluate", run.Path, "--data", Path.Combine(AppContext.BaseDirectory, "data"));
        AssertRefused("Required argument", "evaluate");

        File.WriteAllText(run["network.json"], "{}");
        AssertRefused("network.json: expected the file that a training wrote", "evaluate", run.Path);
    }
}
