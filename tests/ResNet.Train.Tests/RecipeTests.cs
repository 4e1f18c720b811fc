using ResNet.Core;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>The recipe's defaults and options.</summary>
public sealed class RecipeTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public RecipeTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    private ResNet18 Train(string folder, params string[] options)
    {
        var (code, _, error) = Run(["--data", _data.Path, "--out", _out[folder], "--epochs", "1", "--batch-size", "16", "--device", "cpu", .. options]);
        Assert.Equal((0, ""), (code, error));
        return Network.Load(_out[$"{folder}/model.pth"]);
    }

    [Theory]
    [InlineData(100, 40)]
    [InlineData(2_000, 10)]
    [InlineData(50_000, 5)]
    public void Fine_tuning_takes_more_epochs_for_fewer_images(int images, int epochs)
    {
        Assert.Equal(epochs, Recipe.Photographs.AdaptForFineTuning(images).Epochs);
        Assert.Equal((Stem.Conv7MaxPool, 224, 0.2), (Recipe.Cifar.AdaptForFineTuning(images).Stem, Recipe.FashionMnist.AdaptForFineTuning(images).Size, Recipe.Photographs.AdaptForFineTuning(images).MinCropArea));
        Assert.Equal((Recipe.FashionMnist.CropRatio, 1), (Recipe.FashionMnist.AdaptForFineTuning(images).CropRatio, Recipe.FashionMnist.AdaptForFineTuning(images).MinCropArea));
    }

    /// <summary>Other tests check the effect of each option.</summary>
    [Fact]
    public void Every_option_reaches_the_training_and_its_settings()
    {
        using var model = Train("run", "--precision", "bf16", "--channels-last", "--crop-ratio", "1.5", "--weight-decay", "0.25", "--label-smoothing", "0.2", "--random-erase", "0.5", "--lr", "0.01", "--ema", "0.9");
        var settings = Settings.Read(_out["run"]);
        Assert.Equal((Precision.Bf16, true), (settings.Precision, settings.ChannelsLast));
        Assert.Equal((1.5, 0.25, 0.2, 0.5, 0.01, 0.9), (settings.Recipe.CropRatio, settings.Recipe.WeightDecay, settings.Recipe.LabelSmoothing, settings.Recipe.RandomErase, settings.Recipe.LearningRate, settings.Recipe.Ema));
        Assert.Equal(1.5, ModelConfig.Read(_out["run"]).CropRatio);

        // The saved weights are the moving average.
        using var state = new TrainingState(new ResNet18(10), epochs: 1, new ResNet18(10));
        Checkpoint.Load(state, _out["run/checkpoint.safetensors"]);
        Assert.Equal(0, Network.ComputeDistance(state.Average!.parameters(), model.parameters()));
    }

    [Theory]
    [InlineData("--crop-ratio: expected a number from 0.1 to 2, got '0'", "--crop-ratio", "0")]
    [InlineData("--precision: expected Auto, Fp32, Bf16, Fp16, got 'fp8'", "--precision", "fp8")]
    [InlineData("--weight-decay: expected a number from 0 to 1, got '-1'", "--weight-decay", "-1")]
    [InlineData("--label-smoothing: expected a number from 0 to below 1, got '1'", "--label-smoothing", "1")]
    [InlineData("--ema: expected a number from 0 to below 1, got 'NaN'", "--ema", "NaN")]
    public void A_bad_value_is_refused(string message, params string[] arguments) => AssertRefused(message, arguments);
}
