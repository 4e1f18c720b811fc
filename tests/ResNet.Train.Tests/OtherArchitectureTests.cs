using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Networks other than ResNet-18.</summary>
public sealed class OtherArchitectureTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public OtherArchitectureTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Every_command_works_with_a_ResNet_50()
    {
        string[] arguments = ["train", "--arch", "resnet50", "--data", _data.Path, "--out", _out["run"], "--size", "16", "--epochs", "2", "--lr", "0.001", "--batch-size", "16", "--device", "cpu", "--ema", "0.9", "--precision", "bf16", "--channels-last"];
        using (var program = Start(arguments))
        {
            while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 1/2", StringComparison.Ordinal)) { }
            while (!File.Exists(_out["run/metrics.csv"])) // written after the checkpoint
                Thread.Sleep(10);
            program.Kill();
            program.WaitForExit();
        }
        Assert.Contains("\"Architecture\": \"resnet50\"", File.ReadAllText(_out["run/network.json"]), StringComparison.Ordinal);

        var resumed = RunSuccessfully("resume", _out["run"]);
        Assert.Contains("\nResNet-50 on cpu", resumed, StringComparison.Ordinal);
        Assert.Contains("resumed after 1 epoch", resumed, StringComparison.Ordinal);
        Assert.Contains("epoch 2/2  ", resumed, StringComparison.Ordinal);
        using (var network = new ResNet50(10, Stem.Conv7))
            Checkpoint.Load(network, _out["run/model.safetensors"]); // strict, and for this stem

        RunSuccessfully("export", _out["run"]);
        RunSuccessfully("export", _out["run"], "--int8");
        Assert.True(new FileInfo(_out["run/model.int8.onnx"]).Length < 0.3 * new FileInfo(_out["run/model.onnx"]).Length);
        var tested = Evaluate(_out["run"], "--device", "cpu");
        Assert.Contains(tested.Split(',')[0], resumed, StringComparison.Ordinal); // the accuracy
        Assert.Equal(tested, Evaluate(_out["run"], "--engine", "onnx"));
        Assert.StartsWith("test accuracy", Evaluate(_out["run/model.int8.onnx"], "--engine", "onnx"), StringComparison.Ordinal);
        var image = TestImages.Write(_out, "new.png", SKColors.Gray, SKEncodedImageFormat.Png, 28, 28);
        Assert.Equal(RunSuccessfully("predict", image, "--model", _out["run"], "--device", "cpu"), RunSuccessfully("predict", image, "--model", _out["run"], "--engine", "onnx"));

        // An edited network.json is refused.
        File.WriteAllText(_out["run/network.json"], File.ReadAllText(_out["run/network.json"]).Replace("resnet50", "resnet34", StringComparison.Ordinal));
        AssertRefused($"resume: expected network.json and settings.json of one training in '{_out["run"]}', got files of two trainings: (resnet34, Conv7, 16, ", "resume", _out["run"]);
        AssertRefused($"{_out["run/model.safetensors"]}: does not fit ResNet34", "evaluate", _out["run"]);
        AssertRefused("model.onnx: expected the network in network.json beside it, got another one: expected arch resnet34, got resnet50", "evaluate", _out["run"], "--engine", "onnx");
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_learning_rate_is_found_for_grouped_convolutions() =>
        Assert.Contains("lowest loss at ", RunSuccessfully("lr-find", "--arch", "resnext50_32x4d", "--data", _data.Path, "--out", _out.Path, "--size", "16", "--batch-size", "8", "--steps", "10", "--device", "cpu"), StringComparison.Ordinal);

    [Fact]
    public void Weights_of_another_architecture_are_refused_before_anything_is_written()
    {
        using var other = new ResNet18(10);
        Checkpoint.Save(other, _out["other.safetensors"]);
        AssertRefused(
            $"--weights: expected weights of a ResNet34 with the stem Conv7, as in --arch and --stem, got '{_out["other.safetensors"]}', which does not fit: layer1.2.conv1.weight (missing), ",
            "--arch", "resnet34", "--data", _data.Path, "--out", _out["run"], "--weights", _out["other.safetensors"]);
        Assert.False(Directory.Exists(_out["run"]));
    }

    [Theory]
    [InlineData(nameof(Architecture.resnet34), nameof(Architecture.resnet18), "layer1.2.conv1.weight (unexpected)")]
    [InlineData(nameof(Architecture.resnet18), nameof(Architecture.resnet50), "layer1.0.conv3.weight (missing)")]
    [InlineData(nameof(Architecture.resnet50), nameof(Architecture.resnext50_32x4d), "layer1.0.conv1.weight (expected (128, 64, 1, 1), got (64, 64, 1, 1))")]
    public void Tensors_that_do_not_fit_are_named(string saved, string expected, string message)
    {
        using var other = Enum.Parse<Architecture>(saved).Create(10, Stem.Conv7, CPU);
        using var model = Enum.Parse<Architecture>(expected).Create(10, Stem.Conv7, CPU);
        Checkpoint.Save(other, _out["other.pth"]);
        var problem = Assert.Throws<UserException>(() => StartingWeights.LoadFile(model, _out["other.pth"]).Line).Message;
        Assert.StartsWith($"--weights: expected weights of a {model.GetType().Name} with the stem Conv7, as in --arch and --stem, got '{_out["other.pth"]}', which does not fit: {message}", problem, StringComparison.Ordinal);
    }
}
