using ResNet.Core;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>What each option of the recipe changes, and what it does not.</summary>
public sealed class RecipeTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public RecipeTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    private ResNet18 Trained(string folder, params string[] options)
    {
        var (code, _, error) = Run(["--data", _data.Path, "--out", _out[folder], "--epochs", "1", "--batch-size", "16", "--device", "cpu", .. options]);
        Assert.Equal((0, ""), (code, error));
        return Network.Of(_out[$"{folder}/model.pth"]);
    }

    [Theory]
    [InlineData(100, 40)]
    [InlineData(2_000, 10)]
    [InlineData(50_000, 5)]
    public void The_fewer_images_the_more_epochs_of_fine_tuning(int images, int epochs)
    {
        Assert.Equal(epochs, Recipe.Photographs.AdaptForFineTuning(images).Epochs);
        Assert.Equal((Stem.Conv7MaxPool, 224, 0.2), (Recipe.Cifar.AdaptForFineTuning(images).Stem, Recipe.FashionMnist.AdaptForFineTuning(images).Size, Recipe.Photographs.AdaptForFineTuning(images).MinCropArea));
        Assert.Equal((Recipe.FashionMnist.CropRatio, 1), (Recipe.FashionMnist.AdaptForFineTuning(images).CropRatio, Recipe.FashionMnist.AdaptForFineTuning(images).MinCropArea));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_moving_average_is_the_result_and_lies_between_the_weights_of_the_steps()
    {
        using var average = Trained("average", "--ema", "0.9");
        using var last = Trained("last");
        using var state = new TrainingState(new ResNet18(10), epochs: 1, new ResNet18(10));
        Checkpoint.Load(state, _out["average/checkpoint.safetensors"]);

        // The training itself is the same with and without.
        Assert.Equal(0, Network.Distance(last.parameters(), state.Model.parameters()));
        Assert.Equal(0, Network.Distance(average.parameters(), state.Average!.parameters()));
        Assert.True(Network.Distance(average.parameters(), last.parameters()) > 1e-5);
        Assert.Equal(4, average.bn1.num_batches_tracked!.item<long>());
    }

    [Fact]
    public void The_moving_average_is_what_its_formula_says()
    {
        using var model = new ResNet18(10);
        using var average = new ResNet18(10);
        MovingAverage.Start(average, model);
        Assert.Equal(0, Network.Distance(average.parameters(), model.parameters()));

        using (no_grad())
            model.fc.bias!.fill_(1);
        using (no_grad())
            average.fc.bias!.fill_(0);
        MovingAverage.Update(average, model, decay: 0.75, step: 1_000);
        Assert.Equal(0.25f, average.fc.bias!.mean().item<float>(), 1e-6);
        MovingAverage.Update(average, model, decay: 0.75, step: 0); // 0.1 of the old one
        Assert.Equal(0.925f, average.fc.bias!.mean().item<float>(), 1e-6);
    }

    /// <summary>What each of them does is tested where it is done.</summary>
    [Fact]
    public void Every_option_reaches_the_training_and_stays_in_its_folder()
    {
        using var model = Trained("run", "--precision", "bf16", "--channels-last", "--crop-ratio", "1.5", "--weight-decay", "0.25", "--label-smoothing", "0.2", "--random-erase", "0.5", "--lr", "0.01");
        var settings = Settings.Read(_out["run"]);
        Assert.Equal((Precision.Bf16, true), (settings.Precision, settings.ChannelsLast));
        Assert.Equal((1.5, 0.25, 0.2, 0.5, 0.01), (settings.Recipe.CropRatio, settings.Recipe.WeightDecay, settings.Recipe.LabelSmoothing, settings.Recipe.RandomErase, settings.Recipe.LearningRate));
        Assert.Equal(1.5, ModelConfig.Read(_out["run"]).CropRatio);
    }

    [Theory]
    [InlineData("--crop-ratio: expected a number from 0.1 to 2, got '0'", "--crop-ratio", "0")]
    [InlineData("--precision: expected Auto, Fp32, Bf16, Fp16, got 'fp8'", "--precision", "fp8")]
    [InlineData("--weight-decay: expected a number from 0 to 1, got '-1'", "--weight-decay", "-1")]
    [InlineData("--label-smoothing: expected a number from 0 to below 1, got '1'", "--label-smoothing", "1")]
    [InlineData("--ema: expected a number from 0 to below 1, got 'NaN'", "--ema", "NaN")]
    public void A_bad_value_is_told(string message, params string[] arguments) => Refused(message, arguments);
}
