using ResNet.Core;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>
/// The folder of a training by version 0.1.0. It has no list of images and does not name the architecture, because there was only
/// one. Its weights files do not name the stem.
/// </summary>
public sealed class EarlierVersionTests : IDisposable
{
    private const int Epochs = 2;

    private readonly TempFolder _data = new(), _run = new();

    public EarlierVersionTests()
    {
        Idx.WriteSet(_data);
        File.WriteAllText(_run["settings.json"], $$"""
            {
              "Data": {{System.Text.Json.JsonSerializer.Serialize(_data.Path)}},
              "Weights": null,
              "Recipe": {
                "Stem": "Conv7",
                "Size": 16,
                "Frame": 1.1428571428571428,
                "Shift": 2,
                "Scale": 1,
                "Flip": 0,
                "Erase": 0,
                "Epochs": {{Epochs}},
                "BatchSize": 16,
                "LearningRate": 0.02,
                "Warmup": 0.25,
                "WeightDecay": 0.0005,
                "LabelSmoothing": 0,
                "Ema": 0
              },
              "Seed": 1,
              "Device": "cpu",
              "Precision": "Fp32",
              "ChannelsLast": false
            }
            """);
        File.WriteAllText(_run["network.json"], """
            {
              "Stem": "Conv7",
              "Size": 16,
              "Frame": 1.1428571428571428,
              "Grey": true,
              "Normalisation": {
                "Mean": [
                  0.06379527505446621
                ],
                "StandardDeviation": [
                  0.18782737374121533
                ]
              },
              "Classes": [
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "8",
                "9"
              ]
            }
            """);
        File.WriteAllText(_run["metrics.csv"], "epoch,training_loss,training_accuracy,validation_loss,validation_accuracy,images_per_second\n1,2.51162,0.18519,2.29443,0.16667,44.4\n");

        using var state = new TrainingState(new ResNet18(10), Epochs);
        state.Add(new Epoch(1, 2.51162, 0.18519, 2.29443, 0.16667, 44.4));
        using var checkpoint = new Tensors(state);
        using var weights = new Tensors(state.Model);
        Checkpoint.Save(checkpoint, _run["checkpoint.safetensors"]);
        Checkpoint.Save(weights, _run["model.safetensors"]);
        Checkpoint.Save(weights, _run["model.pth"]);
    }

    public void Dispose()
    {
        _data.Dispose();
        _run.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Every_command_works_on_a_training_of_version_0_1_0()
    {
        var tested = Evaluate(_run.Path, "--device", "cpu");
        Assert.Contains(" of 20 images, loss ", tested, StringComparison.Ordinal);
        Assert.Equal(tested, Evaluate(_run["model.pth"], "--device", "cpu"));
        RunSuccessfully("export", _run.Path);
        RunSuccessfully("export", _run.Path, "--int8");
        Assert.Equal(tested, Evaluate(_run.Path, "--engine", "onnx"));

        var image = TestImages.Write(_run, "new.png", SkiaSharp.SKColors.Gray, SkiaSharp.SKEncodedImageFormat.Png, 28, 28);
        Assert.Equal(RunSuccessfully("predict", image, "--model", _run.Path, "--device", "cpu"), RunSuccessfully("predict", image, "--model", _run.Path, "--engine", "onnx"));

        var resumed = RunSuccessfully("resume", _run.Path);
        Assert.Contains("\nResNet-18 on cpu", resumed, StringComparison.Ordinal);
        Assert.Contains("resumed after 1 epoch", resumed, StringComparison.Ordinal);
        Assert.Contains("there is no images.json in the training's folder", resumed, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch 1/", resumed, StringComparison.Ordinal);
        Assert.Contains("epoch 2/2  ", resumed, StringComparison.Ordinal);
        Assert.Equal((Architecture.resnet18, Architecture.resnet18), (ModelConfig.Read(_run.Path).Architecture, Settings.Read(_run.Path).Recipe.Architecture));
        Assert.Contains("\"Architecture\": \"resnet18\"", File.ReadAllText(_run["network.json"]), StringComparison.Ordinal); // resume adds it
        using var _ = Network.Load(_run["model.safetensors"]);
    }

    /// <summary>A module's tensors by name. For a network itself, <see cref="Checkpoint"/> would also write the stem.</summary>
    private sealed class Tensors : nn.Module
    {
        public Tensors(nn.Module module)
            : base(nameof(Tensors))
        {
            foreach (var (name, tensor) in module.state_dict())
                register_buffer(name, tensor.detach().clone());
        }
    }
}
