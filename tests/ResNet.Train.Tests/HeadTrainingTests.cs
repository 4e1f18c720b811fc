using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Training of the classifier alone, on the features of weights in a file. Random weights are enough here: their features tell colors apart.</summary>
public sealed class HeadTrainingTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();
    private readonly string _weights;

    public HeadTrainingTests()
    {
        random.manual_seed(1);
        using var model = new ResNet18(stem: Stem.Conv7MaxPool);
        _weights = _out["weights.safetensors"];
        Checkpoint.Save(model, _weights);
    }

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact]
    public void Training_the_head_leaves_a_complete_run()
    {
        TestImages.WriteSet(_data, perClass: 8);
        var image = _data["red/03.png"];

        var first = Train("run");

        Assert.Contains(": 24 images to train, all of them cross-validated", first, StringComparison.Ordinal);
        Assert.Contains("features of 24 images, 24 of them computed", first, StringComparison.Ordinal);
        Assert.Contains("cross-validated accuracy 1.000 (95 % interval 0.862 to 1.000): 24 of 24 images", first, StringComparison.Ordinal);
        foreach (var file in new[] { "model.safetensors", "model.pth", "network.json", "settings.json", "images.json", "metrics.csv", "learning-curves.png", "confusion-matrix.png", "misclassified.png", "features.safetensors" })
            Assert.True(File.Exists(_out[$"run/{file}"]), file);
        Assert.Equal(1 + LinearHead.Steps, File.ReadAllLines(_out["run/metrics.csv"]).Length);

        var weights = File.ReadAllBytes(_out["run/model.safetensors"]);
        Assert.Contains($"{image}\n  red ", RunSuccessfully("predict", image, "--model", _out["run"]).ReplaceLineEndings("\n"), StringComparison.Ordinal);
        var (_, tested, remark) = Run("evaluate", _out["run"], "--data", _data.Path);
        Assert.StartsWith("test accuracy 1.000 ", tested, StringComparison.Ordinal);
        Assert.Equal("24 of the 24 images were used in training, so this is no test of the network", remark.TrimEnd());
        AssertRefused($"evaluate: expected test images of the training, got none: all its images were cross-validated, with the result in {_out["run/confusion-matrix.png"]}; --data DIR tests images that the training has not seen", "evaluate", _out["run"]);
        Assert.Contains("model.int8.onnx", RunSuccessfully("export", _out["run"], "--int8"), StringComparison.Ordinal);
        // Again, with the stored features
        var (code, resumed, _) = Run("resume", _out["run"]);
        Assert.Equal(0, code);
        Assert.DoesNotContain("computed", resumed, StringComparison.Ordinal);
        Assert.Contains("the training was complete; its classifier is fitted again, to the same features", resumed, StringComparison.Ordinal);
        Assert.Equal(weights, File.ReadAllBytes(_out["run/model.safetensors"]));
        Assert.DoesNotContain("computed", Train("run"), StringComparison.Ordinal);
        Assert.Equal(weights, File.ReadAllBytes(_out["run/model.safetensors"]));
    }

    [Fact]
    public void Training_the_head_changes_no_other_layer()
    {
        TestImages.WriteSet(_data, perClass: 8);
        Train("run");

        using var before = new ResNet18(stem: Stem.Conv7MaxPool);
        using var after = new ResNet18(num_classes: 3, stem: Stem.Conv7MaxPool);
        Checkpoint.Load(before, _weights);
        Checkpoint.Load(after, _out["run/model.safetensors"]);
        Assert.Equal(0, Network.ComputeDistance(before.parameters().SkipLast(2), after.parameters().SkipLast(2)));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Only_the_features_of_a_new_image_are_computed()
    {
        TestImages.WriteSet(_data, perClass: 8);
        // Gives the weights a normalization. The images' own would change with each new image.
        File.WriteAllBytes(_out["network.json"], new ModelConfig(Stem.Conv7MaxPool, 32, 1, Grayscale: false, Normalization.ImageNet, ["a", "b"]).ToJson());
        File.Move(_weights, _out["model.safetensors"]);
        Train("run", _out["model.safetensors"]);
        TestImages.Write(_data, "red/new.png", SKColors.DarkRed, SKEncodedImageFormat.Png, 40, 40);

        Assert.Contains("features of 25 images, 1 of them computed", Train("run", _out["model.safetensors"]), StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_damaged_feature_file_is_reported_and_rewritten()
    {
        TestImages.WriteSet(_data, perClass: 8);
        Train("run");
        File.WriteAllText(_out["run/features.safetensors"], "no features");

        var output = Train("run");

        Assert.Contains($"{_out["run/features.safetensors"]}: ", output, StringComparison.Ordinal);
        Assert.Contains("features of 24 images, 24 of them computed", output, StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Test_images_in_a_folder_of_their_own_are_evaluated()
    {
        foreach (var part in new[] { "train", "test" })
            foreach (var (name, color) in new[] { ("blue", SKColors.Blue), ("red", SKColors.Red) })
                for (var i = 0; i < 8; i++)
                    TestImages.Write(_data, $"{part}/{name}/{i}.png", color, SKEncodedImageFormat.Png, 40 + i, part == "test" ? 60 : 50);

        // The 8 images of a class are near-duplicates, which the program reports.
        var (code, output, error) = Run(CreateArguments("run"));

        Assert.Equal(0, code);
        Assert.Contains("test accuracy 1.000 (95 % interval 0.806 to 1.000): 16 of 16 images", output, StringComparison.Ordinal);
        Assert.Contains("16 of 16 images of the test have a near-duplicate among the training images, such as", error, StringComparison.Ordinal);
        Assert.StartsWith("test accuracy 1.000 ", RunSuccessfully("evaluate", _out["run"]), StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Grayscale_images_use_the_normalization_of_the_weights()
    {
        Idx.WriteSet(_data);
        var network = _out["network.json"];
        File.WriteAllBytes(network, new ModelConfig(Stem.Conv7MaxPool, 32, 1, Grayscale: false, Normalization.ImageNet, ["a", "b"]).ToJson());
        File.Move(_weights, _out["model.safetensors"]);

        Assert.Equal(0, Run(CreateArguments("run", _out["model.safetensors"])).Code);

        var config = ModelConfig.Read(_out["run"]);
        Assert.True(config.Grayscale);
        Assert.Equal(Normalization.ImageNet.Mean, config.Normalization.Mean);
        Assert.StartsWith("test accuracy ", RunSuccessfully("evaluate", _out["run"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_without_an_effect_are_refused()
    {
        TestImages.WriteSet(_data, perClass: 8);
        foreach (var option in new[] { "--lr", "--epochs", "--flip", "--min-crop-area", "--scale" })
            AssertRefused($"{option}: expected no such option when training the classifier alone", [.. CreateArguments("run"), option, "1"]);
        AssertRefused("--channels-last: expected no such option when training the classifier alone", [.. CreateArguments("run"), "--channels-last"]);
        AssertRefused("--precision: expected Auto, Fp32 or Bf16 when training the classifier alone, got Fp16", [.. CreateArguments("run"), "--precision", "fp16"]);
        AssertRefused("--train Head: expected weights for the features, got none", "--data", _data.Path, "--train", "head");
        Assert.False(Directory.Exists(_out["run"]));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Features_are_computed_in_the_chosen_precision()
    {
        TestImages.WriteSet(_data, perClass: 8);
        Assert.DoesNotContain("in bfloat16", Run([.. CreateArguments("run"), "--precision", "fp32"]).Output, StringComparison.Ordinal);
        Assert.Equal(Precision.Fp32, Settings.Read(_out["run"]).Precision);

        var again = Run([.. CreateArguments("run"), "--precision", "bf16"]).Output;
        Assert.Equal(BFloat16.IsNative(TorchSharp.torch.CPU), again.Contains("without CUDA, in bfloat16: ", StringComparison.Ordinal));
        Assert.Equal(BFloat16.IsNative(TorchSharp.torch.CPU), again.Contains("24 of them computed", StringComparison.Ordinal)); // features of another precision are not reused
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Unbalanced_classes_are_reported_and_can_be_balanced()
    {
        TestImages.WriteSet(_data, perClass: 8);
        for (var i = 2; i < 8; i++)
            File.Delete(_data[$"red/{i:00}.{(i % 2 == 0 ? "jpg" : "png")}"]);

        Assert.Contains("the classes are unbalanced: 8 training images of blue, 2 of red; --balanced weighs all classes the same", Run(CreateArguments("run")).Error, StringComparison.Ordinal);
        Assert.DoesNotContain("unbalanced", Run([.. CreateArguments("balanced"), "--balanced"]).Error, StringComparison.Ordinal);
        Assert.NotEqual(File.ReadAllBytes(_out["run/model.safetensors"]), File.ReadAllBytes(_out["balanced/model.safetensors"]));
    }

    private string Train(string folder, string? weights = null)
    {
        var (code, output, error) = Run(CreateArguments(folder, weights));
        Assert.True(code == 0, error);
        return output;
    }

    private string[] CreateArguments(string folder, string? weights = null) =>
        ["--data", _data.Path, "--out", _out[folder], "--weights", weights ?? _weights, "--train", "head", "--stem", "conv7maxpool", "--size", "32", "--device", "cpu"];
}
