using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>Trainings that start from ImageNet weights.</summary>
public sealed class PublishedWeightsTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Eight_photographs_per_class_are_enough()
    {
        WriteStripes(perClass: 8);

        var (code, output, error) = Run("--data", _data.Path, "--out", _out["run"], "--weights", "imagenet", "--size", "64");

        Assert.True(code == 0, error);
        Assert.Contains("ImageNet weights from the package Microsoft.ML.DnnImageFeaturizer.ResNet18", output, StringComparison.Ordinal);
        Assert.Contains("training the classifier alone", output, StringComparison.Ordinal);
        Assert.Contains("cross-validated accuracy 1.000 (95 % interval 0.806 to 1.000): 16 of 16 images", output, StringComparison.Ordinal);
        var network = ModelConfig.Read(_out["run"]);
        Assert.Equal((Stem.Conv7MaxPool, Architecture.resnet18), (network.Stem, network.Architecture));
        Assert.Equal(Normalization.ImageNet.Mean, network.Normalization.Mean);
        Assert.Equal(Normalization.ImageNet.StandardDeviation, network.Normalization.StandardDeviation);

        using var source = BundledImageNet.Load(2);
        using var trained = new ResNet18(2, Stem.Conv7MaxPool);
        Checkpoint.Load(trained, _out["run/model.pth"]);
        Assert.Equal(0, Network.ComputeDistance(source.parameters().SkipLast(2), trained.parameters().SkipLast(2)));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Training_all_layers_starts_from_the_fitted_head()
    {
        WriteStripes(perClass: 12);
        string[] arguments = ["--data", _data.Path, "--weights", "imagenet", "--size", "64", "--train", "all", "--epochs", "1", "--batch-size", "8"];

        var (code, output, error) = Run([.. arguments, "--out", _out["run"], "--lr", "1e-9"]);

        Assert.True(code == 0, error);
        Assert.Contains("training the classifier, then every layer", output, StringComparison.Ordinal);
        // With a tiny learning rate, the test accuracy is the head's.
        Assert.Contains("test accuracy 1.000", output, StringComparison.Ordinal);
        var first = File.ReadAllBytes(_out["run/model.safetensors"]);
        Assert.Equal(0, Run("resume", _out["run"]).Code);
        Assert.Equal(first, File.ReadAllBytes(_out["run/model.safetensors"]));

        Assert.Equal(0, Run([.. arguments, "--out", _out["other"], "--lr", "0.01"]).Code);
        using var source = BundledImageNet.Load(2);
        using var trained = new ResNet18(2, Stem.Conv7MaxPool);
        Checkpoint.Load(trained, _out["other/model.safetensors"]);
        Assert.True(Network.ComputeDistance(source.parameters().SkipLast(2), trained.parameters().SkipLast(2)) > 1e-3);
    }

    [Fact]
    public void Another_architecture_takes_torchvisions_weights_and_checks_the_cache()
    {
        WriteStripes(perClass: 8);
        var path = _out["hub/checkpoints/resnet50-0676ba61.pth"];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "no weights");

        var home = Environment.GetEnvironmentVariable("TORCH_HOME");
        Environment.SetEnvironmentVariable("TORCH_HOME", _out.Path);
        try
        {
            var (code, _, error) = Run("--data", _data.Path, "--out", _out["run"], "--weights", "ImageNet", "--arch", "resnet50");
            Assert.Equal(1, code);
            Assert.StartsWith($"--weights: {path}: ", error, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("TORCH_HOME", home);
        }
        Assert.False(Directory.Exists(_out["run"]));
    }

    [Fact]
    public void Another_stem_is_refused()
    {
        WriteStripes(perClass: 8);
        AssertRefused("--weights imagenet: expected --stem Conv7MaxPool, the stem of these weights, got Conv3", "--data", _data.Path, "--out", _out["run"], "--weights", "imagenet", "--stem", "conv3");
    }

    /// <summary>Writes two classes of images that differ a little: broad stripes and narrow ones.</summary>
    private void WriteStripes(int perClass)
    {
        foreach (var (name, width) in new[] { ("broad", 16), ("narrow", 3) })
            for (var i = 0; i < perClass; i++)
            {
                using var bitmap = new SKBitmap(72, 64 + i);
                for (var y = 0; y < bitmap.Height; y++)
                    for (var x = 0; x < bitmap.Width; x++)
                        bitmap.SetPixel(x, y, (x + i) / width % 2 == 0 ? new SKColor((byte)(20 * i), 40, 60) : SKColors.Beige);
                using var file = bitmap.Encode(SKEncodedImageFormat.Png, 100);
                Directory.CreateDirectory(_data[name]);
                _data.Write($"{name}/{i:00}.png", file.ToArray());
            }
    }
}
