using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using ResNet.Core;
using SkiaSharp;
using static TorchSharp.torch;

namespace Quickstart.Tests;

public sealed partial class ProgramTests : IDisposable
{
    private const int PerClass = 10;

    private readonly TempFolder _folder = new();
    private readonly string _weights;

    public ProgramTests()
    {
        _weights = _folder["start.pth"];
        manual_seed(1);
        using var start = new ResNet18(num_classes: 4, Stem.Conv7MaxPool);
        Checkpoint.Save(start, _weights, WeightNames.Torchvision);
    }

    [GeneratedRegex(@"test: (?<right>\d+) of (?<all>\d+) images right, accuracy (?<accuracy>[\d.]+)\n")]
    private static partial Regex TestLine { get; }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void It_trains_all_layers_tests_saves_and_exports()
    {
        WriteColors("blue", "red", "yellow");

        var result = Run(_folder["images"], _weights, "2").AssertSucceeded();

        Assert.Contains($"3 classes: blue, red, yellow; {3 * PerClass * 4 / 5} images to train, {3 * PerClass / 5} to test\n", result.Output, StringComparison.Ordinal);
        Assert.InRange(ReadAccuracy(result), 0.8, 1); // chance is 0.33
        using var model = new ResNet18(num_classes: 3, Stem.Conv7MaxPool);
        Assert.True(Checkpoint.Load(model, _folder["model.pth"]).IsComplete);
        model.eval();
        using var x = randn(2, 3, 224, 224, generator: new Generator(1));
        using var _ = no_grad();
        using var expected = model.call(x);
        using var onnx = new OnnxSession(_folder["model.onnx"]);
        using var logits = onnx.Run(x);
        Assert.InRange((logits - expected).abs().max().item<float>(), 0, 1e-4f * expected.abs().max().item<float>());
        Assert.Contains("yellow", onnx.Session.ModelMetadata.CustomMetadataMap["classes"], StringComparison.Ordinal);
    }

    /// <summary>Only the classifier differs from the starting weights.</summary>
    [Fact]
    public void By_default_it_trains_the_classifier_alone()
    {
        WriteColors("blue", "red");

        Assert.InRange(ReadAccuracy(Run(_folder["images"], _weights).AssertSucceeded()), 0.75, 1);

        using var before = new ResNet18(num_classes: 4, Stem.Conv7MaxPool);
        Checkpoint.Load(before, _weights);
        using var after = new ResNet18(num_classes: 2, Stem.Conv7MaxPool);
        Checkpoint.Load(after, _folder["model.pth"]);
        var others = before.state_dict();
        Assert.Equal(["fc.bias", "fc.weight"], after.state_dict().Where(entry => !AreEqual(entry.Value, others[entry.Key])).Select(entry => entry.Key).Order(StringComparer.Ordinal));

        static bool AreEqual(Tensor left, Tensor right) => left.shape.SequenceEqual(right.shape) && left.equal(right).all().item<bool>();
    }

    /// <summary>The stored images of both classes are the same. Only EXIF tells that those of one class are upside down.</summary>
    [Fact]
    public void The_EXIF_orientation_is_applied()
    {
        for (var i = 0; i < PerClass; i++)
        {
            var jpeg = EncodeImage(i, (x, y) => y < 32 ? SKColors.White : SKColors.Black);
            Write($"images/up/{i}.jpg", jpeg);
            Write($"images/down/{i}.jpg", TurnUpsideDown(jpeg));
        }

        Assert.Equal(1, ReadAccuracy(Run(_folder["images"], _weights).AssertSucceeded()));
    }

    [Fact]
    public void Files_that_are_not_whole_images_are_named_and_left_out()
    {
        WriteColors("blue", "red");
        Write("images/red/notes.txt", "what I had in mind"u8.ToArray());
        Write("images/red/cut.jpg", File.ReadAllBytes(_folder["images/red/0.jpg"])[..^200]);

        var output = Run(_folder["images"], _weights).AssertSucceeded().Output;

        Assert.Contains($"{Path.Combine(_folder["images"], "red", "notes.txt")}: left out, expected a whole", output, StringComparison.Ordinal);
        Assert.Contains($"{Path.Combine(_folder["images"], "red", "cut.jpg")}: left out, expected a whole", output, StringComparison.Ordinal);
        Assert.Contains($"{2 * PerClass * 4 / 5} images to train, {2 * PerClass / 5} to test", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_is_refused() => AssertRefused("nowhere", _folder["nowhere"]);

    [Fact]
    public void A_single_class_is_refused()
    {
        WriteColors("blue");
        AssertRefused("expected at least two folders, each with the images of a class, got 1", _folder["images"]);
    }

    [Fact]
    public void A_class_with_too_few_images_is_refused()
    {
        WriteColors("blue", "red");
        for (var i = 4; i < PerClass; i++)
            File.Delete(_folder[$"images/red/{i}.jpg"]);
        AssertRefused($"{Path.Combine(_folder["images"], "red")}: expected at least 5 images, one of them for the test, got 4", _folder["images"]);
    }

    /// <summary>For example, in a folder that holds train and test.</summary>
    [Fact]
    public void A_class_without_images_is_refused()
    {
        WriteColors("train/blue", "train/red", "test/blue", "test/red");
        AssertRefused($"{Path.Combine(_folder["images"], "test")}: expected at least 5 images", _folder["images"]);
    }

    [Fact]
    public void Missing_weights_are_refused()
    {
        WriteColors("blue", "red");
        AssertRefused("none.pth", _folder["images"], _folder["none.pth"]);
    }

    [Fact]
    public void Weights_of_another_network_are_refused()
    {
        WriteColors("blue", "red");
        using var other = new ResNet34(num_classes: 2);
        Checkpoint.Save(other, _folder["other.pth"]);
        AssertRefused("expected the weights of a ResNet-18", _folder["images"], _folder["other.pth"]);
    }

    [Theory]
    [InlineData]
    [InlineData("images", "weights.pth", "many")]
    [InlineData("images", "weights.pth", "-1")]
    [InlineData("images", "weights.pth", "1", "more")]
    public void Wrong_arguments_print_the_usage(params string[] arguments)
    {
        var result = Run(arguments);
        Assert.Equal(1, result.Code);
        Assert.StartsWith("Usage: Quickstart PHOTOGRAPHS [WEIGHTS [EPOCHS]]", result.Output, StringComparison.Ordinal);
    }

    /// <summary>People read the whole program before they copy it.</summary>
    [Fact]
    public void It_has_at_most_150_lines() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(Repository.Root, "samples", "Quickstart", "Program.cs")).Length, 50, 150);

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(string message, string images, string? weights = null)
    {
        var result = Run(images, weights ?? _weights);
        Assert.Equal(1, result.Code);
        Assert.Contains(message, result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal);
    }

    /// <summary>Runs the program in a temporary folder, because it writes into its working directory.</summary>
    private ChildResult Run(params string[] arguments)
    {
        using var child = Child.Start(new ProcessStartInfo(DotnetHost.Path, [Path.Combine(AppContext.BaseDirectory, "Quickstart.dll"), .. arguments])
        {
            WorkingDirectory = _folder.Path,
            Environment = { ["OMP_NUM_THREADS"] = "1" }, // several threads would mostly wait for each other in so small a run
        });
        return child.End(TimeSpan.FromMinutes(2));
    }

    private static double ReadAccuracy(ChildResult result)
    {
        var line = TestLine.Match(result.Output);
        Assert.True(line.Success, result.Output);
        return double.Parse(line.Groups["accuracy"].Value, CultureInfo.InvariantCulture);
    }

    private void WriteColors(params string[] classes)
    {
        foreach (var name in classes)
        {
            Assert.True(SKColor.TryParse(Path.GetFileName(name) switch { "blue" => "#2040e0", "red" => "#e02020", _ => "#e0d020" }, out var color));
            for (var i = 0; i < PerClass; i++)
                Write($"images/{name}/{i}.jpg", EncodeImage(i, (x, y) => (x + y) % (i + 5) == 0 ? SKColors.Gray : color));
        }
    }

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        _folder.Write(name, content);
    }

    /// <summary>Encodes an image that is different for each number.</summary>
    private static byte[] EncodeImage(int number, Func<int, int, SKColor> color)
    {
        using var bitmap = new SKBitmap(64, 64);
        bitmap.Pixels = [.. Enumerable.Range(0, 64 * 64).Select(i => i == number ? SKColors.Green : color(i % 64, i / 64))];
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        return data.ToArray();
    }

    /// <summary>Adds EXIF data after a JPEG's first marker: one entry, tag 0x0112 (orientation), with the value 3.</summary>
    private static byte[] TurnUpsideDown(byte[] jpeg)
    {
        byte[] exif = [.. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
        return [.. jpeg[..2], 0xff, 0xe1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }
}
