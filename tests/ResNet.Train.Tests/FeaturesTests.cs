using System.Text;
using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The commands <c>features</c> and <c>similar</c>.</summary>
public sealed class FeaturesTests : IDisposable
{
    private readonly TempFolder _images = new(), _run = new();
    private readonly ModelConfig _network = new(Stem.Conv7, 32, 1, Grayscale: false, new Normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), ["a", "b"]);

    public FeaturesTests()
    {
        UntrainedRun.Write(_run, _network);
        foreach (var (name, color) in new[] { ("red/1.png", SKColors.Red), ("red/2.png", SKColors.Firebrick), ("blue/1.png", SKColors.Blue), ("blue/2.png", SKColors.MediumBlue) })
            TestImages.Write(_images, name, color, SKEncodedImageFormat.Png, 40, 40);
    }

    public void Dispose()
    {
        _images.Dispose();
        _run.Dispose();
    }

    [Fact]
    public void The_file_has_the_features_and_the_name_of_each_image()
    {
        var broken = _images.Write("red/0.jpg", [0xff, 0xd8, 0xff]);
        var (code, output, error) = Run("features", _images.Path, "--out", _run["photos.safetensors"], "--model", _run.Path, "--device", "cpu");
        Assert.Equal(1, code);
        Assert.StartsWith($"{broken}: ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.StartsWith($"{_run["photos.safetensors"]}  features (4, 512), ", output, StringComparison.Ordinal);

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        string[] names = [_images[Path.Combine("blue", "1.png")], _images[Path.Combine("blue", "2.png")], _images[Path.Combine("red", "1.png")], _images[Path.Combine("red", "2.png")]];
        using var file = new Features(4, Encoding.UTF8.GetByteCount(string.Join('\0', names)));
        Checkpoint.Load(file, _run["photos.safetensors"]); // strict: exactly these tensors
        Assert.Equal(names, Encoding.UTF8.GetString(file.Files.bytes).Split('\0'));

        using var model = ModelConfig.Load(_run.Path, CPU).Model;
        model.eval();
        using var batch = Batch.Decode([.. names.Select(name => new FileImage(name, 0))], _network);
        Assert.InRange((file.Rows - flatten(model.avgpool.call(model.forward_features(batch.Images)), 1)).abs().max().item<float>(), 0, 1e-4);
    }

    [Fact]
    public void Similar_lists_the_most_similar_images_first_and_leaves_out_the_image_itself()
    {
        var lines = RunSuccessfully("similar", _images["red/1.png"], "--in", _images.Path, "--count", "2", "--model", _run.Path, "--device", "cpu").ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.EndsWith(_images["red/2.png"].Replace('/', Path.DirectorySeparatorChar), lines[0].Replace('/', Path.DirectorySeparatorChar), StringComparison.Ordinal);
        Assert.Equal(["  ", "  "], lines.Select(line => line[5..7]));
        var similarities = lines.Select(line => double.Parse(line[..5], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.InRange(similarities[0], similarities[1], 1);
    }

    [Fact]
    public void Wrong_options_and_weights_are_refused()
    {
        AssertRefused("--out: expected a file whose name ends with .safetensors, got 'features.csv'", "features", _images.Path, "--out", "features.csv");
        AssertRefused("'--out'", "features", _images.Path);
        AssertRefused($"--out: expected a file in an existing folder, got '{_run["nodir/x.safetensors"]}'", "features", _images.Path, "--out", _run["nodir/x.safetensors"], "--model", _run.Path);
        Assert.False(Directory.Exists(_run["nodir"]));
        AssertRefused("--in: expected a folder, got 'nothing'", "similar", _images["red/1.png"], "--in", "nothing");
        AssertRefused("--model: expected no --weights beside it", "similar", _images["red/1.png"], "--in", _images.Path, "--model", _run.Path, "--weights", "imagenet");
        AssertRefused("beside a network.json; use --model for a training run", "similar", _images["red/1.png"], "--in", _images.Path, "--weights", _run[ModelConfig.WeightsFileName]);
        using var other = new ResNet18(2);
        Checkpoint.Save(other, _images["other.pth"]);
        AssertRefused("which is for another stem: expected Conv7MaxPool, got Conv7", "similar", _images["red/1.png"], "--in", _images.Path, "--weights", _images["other.pth"]);
        AssertRefused($"{_images["red"]}: expected a file, got a folder", "similar", _images["red"], "--in", _images.Path, "--model", _run.Path);
    }

    private sealed class Features : nn.Module
    {
        public Features(long count, long bytes)
            : base(nameof(Features))
        {
            register_buffer("features", Rows = zeros(count, 512));
            register_buffer("files", Files = zeros([bytes], ScalarType.Byte));
        }

        public Tensor Rows { get; }

        public Tensor Files { get; }
    }
}
