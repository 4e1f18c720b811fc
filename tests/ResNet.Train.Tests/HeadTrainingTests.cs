using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The classifier alone is trained, on features of weights in a file: here of random ones, which tell colors apart.</summary>
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
    public void What_is_left_is_an_ordinary_run()
    {
        TestImages.WriteSet(_data, each: 8);
        var image = _data["red/03.png"];

        var first = Trained("run");

        Assert.Contains("features of 24 images, 24 of them computed", first, StringComparison.Ordinal);
        Assert.Contains("cross-validated accuracy 1.000 (95 % interval 0.862 to 1.000): 24 of 24 images", first, StringComparison.Ordinal);
        foreach (var file in new[] { "model.safetensors", "model.pth", "network.json", "settings.json", "images.json", "metrics.csv", "learning-curves.png", "confusion-matrix.png", "misclassified.png", "features.safetensors" })
            Assert.True(File.Exists(_out[$"run/{file}"]), file);
        Assert.Equal(1 + LinearHead.Steps, File.ReadAllLines(_out["run/metrics.csv"]).Length);

        var weights = File.ReadAllBytes(_out["run/model.safetensors"]);
        Assert.Contains($"{image}\n  red ", Succeeded("predict", image, "--model", _out["run"]).ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.StartsWith("test accuracy 1.000 ", Succeeded("evaluate", _out["run"], "--data", _data.Path), StringComparison.Ordinal);
        Assert.Contains("model.int8.onnx", Succeeded("export", _out["run"], "--int8"), StringComparison.Ordinal);
        // The same again, on the features that are there
        var (code, resumed, _) = Run("resume", _out["run"]);
        Assert.Equal(0, code);
        Assert.DoesNotContain("computed", resumed, StringComparison.Ordinal);
        Assert.Equal(weights, File.ReadAllBytes(_out["run/model.safetensors"]));
        Assert.DoesNotContain("computed", Trained("run"), StringComparison.Ordinal);
        Assert.Equal(weights, File.ReadAllBytes(_out["run/model.safetensors"]));
    }

    [Fact]
    public void Every_layer_but_the_classifier_stays_as_it_was()
    {
        TestImages.WriteSet(_data, each: 8);
        Trained("run");

        using var before = new ResNet18(stem: Stem.Conv7MaxPool);
        using var after = new ResNet18(num_classes: 3, stem: Stem.Conv7MaxPool);
        Checkpoint.Load(before, _weights);
        Checkpoint.Load(after, _out["run/model.safetensors"]);
        Assert.Equal(0, Network.Distance(before.parameters().SkipLast(2), after.parameters().SkipLast(2)));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_new_image_costs_its_own_features_alone()
    {
        TestImages.WriteSet(_data, each: 8);
        // Their own mean and deviation would be others with each image more.
        File.WriteAllBytes(_out["network.json"], new ModelConfig(Stem.Conv7MaxPool, 32, 1, Grayscale: false, Normalization.ImageNet, ["a", "b"]).ToJson());
        File.Move(_weights, _out["model.safetensors"]);
        Trained("run", _out["model.safetensors"]);
        TestImages.Write(_data, "red/new.png", SKColors.DarkRed, SKEncodedImageFormat.Png, 40, 40);

        Assert.Contains("features of 25 images, 1 of them computed", Trained("run", _out["model.safetensors"]), StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_damaged_file_of_features_is_told_and_made_again()
    {
        TestImages.WriteSet(_data, each: 8);
        Trained("run");
        File.WriteAllText(_out["run/features.safetensors"], "no features");

        var output = Trained("run");

        Assert.Contains($"{_out["run/features.safetensors"]}: ", output, StringComparison.Ordinal);
        Assert.Contains("features of 24 images, 24 of them computed", output, StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Test_images_in_a_folder_of_their_own_are_tested_with()
    {
        foreach (var part in new[] { "train", "test" })
            foreach (var (name, color) in new[] { ("blue", SKColors.Blue), ("red", SKColors.Red) })
                for (var i = 0; i < 8; i++)
                    TestImages.Write(_data, $"{part}/{name}/{i}.png", color, SKEncodedImageFormat.Png, 40 + i, part == "test" ? 60 : 50);

        // 8 and 8 images, which are much alike, and said to be.
        var (code, output, error) = Run(Arguments("run"));

        Assert.Equal(0, code);
        Assert.Contains("test accuracy 1.000 (95 % interval 0.806 to 1.000): 16 of 16 images", output, StringComparison.Ordinal);
        Assert.Contains("16 of 16 images of the test have a near-duplicate among the training images, such as", error, StringComparison.Ordinal);
        Assert.StartsWith("test accuracy 1.000 ", Succeeded("evaluate", _out["run"]), StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Grey_images_are_learned_from_with_the_normalization_of_the_weights()
    {
        Idx.WriteSet(_data);
        var network = _out["network.json"];
        File.WriteAllBytes(network, new ModelConfig(Stem.Conv7MaxPool, 32, 1, Grayscale: false, Normalization.ImageNet, ["a", "b"]).ToJson());
        File.Move(_weights, _out["model.safetensors"]);

        Assert.Equal(0, Run(Arguments("run", _out["model.safetensors"])).Code);

        var info = ModelConfig.Read(_out["run"]);
        Assert.True(info.Grayscale);
        Assert.Equal(Normalization.ImageNet.Mean, info.Normalization.Mean);
        Assert.StartsWith("test accuracy ", Succeeded("evaluate", _out["run"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_without_an_effect_are_refused()
    {
        TestImages.WriteSet(_data, each: 8);
        foreach (var option in new[] { "--lr", "--epochs", "--flip", "--min-crop-area", "--scale" })
            Refused($"{option}: expected no such option when training the classifier alone", [.. Arguments("run"), option, "1"]);
        Refused("--channels-last: expected no such option when training the classifier alone", [.. Arguments("run"), "--channels-last"]);
        Refused("--precision: expected Auto, Fp32 or Bf16 when training the classifier alone, got Fp16", [.. Arguments("run"), "--precision", "fp16"]);
        Refused("--train Head: expected weights for the features, got none", "--data", _data.Path, "--train", "head");
        Assert.False(Directory.Exists(_out["run"]));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Features_are_computed_in_the_precision_that_is_chosen()
    {
        TestImages.WriteSet(_data, each: 8);
        Assert.DoesNotContain("in bfloat16", Run([.. Arguments("run"), "--precision", "fp32"]).Output, StringComparison.Ordinal);
        Assert.Equal(Precision.Fp32, Settings.Read(_out["run"]).Precision);

        var again = Run([.. Arguments("run"), "--precision", "bf16"]).Output;
        Assert.Equal(BFloat16.IsNative(TorchSharp.torch.CPU), again.Contains("without CUDA, in bfloat16: ", StringComparison.Ordinal));
        Assert.Equal(BFloat16.IsNative(TorchSharp.torch.CPU), again.Contains("24 of them computed", StringComparison.Ordinal)); // not those of another precision
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_class_with_a_third_of_anothers_images_is_told_and_can_be_balanced()
    {
        TestImages.WriteSet(_data, each: 8);
        for (var i = 2; i < 8; i++)
            File.Delete(_data[$"red/{i:00}.{(i % 2 == 0 ? "jpg" : "png")}"]);

        Assert.Contains("the classes are unbalanced: 8 training images of blue, 2 of red; --balanced weighs all classes the same", Run(Arguments("run")).Error, StringComparison.Ordinal);
        Assert.DoesNotContain("unbalanced", Run([.. Arguments("balanced"), "--balanced"]).Error, StringComparison.Ordinal);
        Assert.NotEqual(File.ReadAllBytes(_out["run/model.safetensors"]), File.ReadAllBytes(_out["balanced/model.safetensors"]));
    }

    private string Trained(string folder, string? weights = null)
    {
        var (code, output, error) = Run(Arguments(folder, weights));
        Assert.True(code == 0, error);
        return output;
    }

    private string[] Arguments(string folder, string? weights = null) =>
        ["--data", _data.Path, "--out", _out[folder], "--weights", weights ?? _weights, "--train", "head", "--stem", "conv7maxpool", "--size", "32", "--device", "cpu"];
}
