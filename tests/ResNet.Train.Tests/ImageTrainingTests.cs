using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>The program with the user's own images: training on a folder of files, and predictions for other files.</summary>
public sealed class ImageTrainingTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public ImageTrainingTests() => TestImages.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    private string[] CreateArguments(int epochs, string folder = "") =>
        ["--data", _data.Path, "--out", _out[folder], "--size", "32", "--epochs", $"{epochs}", "--batch-size", "8", "--device", "cpu"];

    [Fact, Trait(Category.Name, Category.Slow)]
    public void It_learns_colors_leaves_out_broken_files_and_predicts_new_images()
    {
        var broken = _data.Write("red/broken.jpg", File.ReadAllBytes(_data["red/00.jpg"])[..200]);
        var text = _data.Write("blue/notes.txt", "no image"u8.ToArray());
        var huge = _data.Write("red/huge.png", ImageBytes.CreatePng(46341, 46341, 8, 2, [], 0));
        var icon = _data.Write("yellow/icon.png", ImageBytes.CreateIco(20000, 20000));

        var (code, output, error) = Run(CreateArguments(epochs: 6));

        Assert.Equal(0, code);
        var warnings = error.ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.StartsWith("4 files are left out", warnings[0], StringComparison.Ordinal);
        Assert.Equal(5, warnings.Length);
        Assert.All(new[] { broken, text, huge, icon }, file => Assert.Single(warnings, line => line.Contains(file, StringComparison.Ordinal)));
        Assert.StartsWith("3 classes: blue, red, yellow", output, StringComparison.Ordinal);
        Assert.Contains("are too few to train from scratch: --weights imagenet starts from a network trained on photographs", output, StringComparison.Ordinal);
        Assert.Contains("41 images to train and validate, 4 to test", output, StringComparison.Ordinal);
        using var network = new ResNet18(3, Stem.Conv7MaxPool);
        Checkpoint.Load(network, _out["model.safetensors"]);

        var file = TestImages.Write(_data, "other/new.webp", SKColors.Yellow, SKEncodedImageFormat.Webp, 70, 30);
        foreach (var model in new[] { _out.Path, _out["model.pth"] })
        {
            var (status, answer, problem) = Run("predict", file, "--model", model, "--device", "cpu");
            Assert.Equal((0, ""), (status, problem));
            var lines = answer.ReplaceLineEndings("\n").TrimEnd().Split('\n');
            Assert.Equal((file, 4), (lines[0], lines.Length));
            Assert.Equal(["blue", "red", "yellow"], lines[1..].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]).Order());
            Assert.StartsWith("  yellow", lines[1], StringComparison.Ordinal);
            var percent = lines[1..].Select(line => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal(100, percent.Sum(), 0.2);
            Assert.Equal(percent.OrderDescending(), percent);
            Assert.All(lines[1..].Zip(percent), pair => Assert.Equal(0.4 * pair.Second, pair.First.Count(c => c == '█'), 0.6));
        }
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void An_unreadable_image_is_reported_and_the_others_are_predicted()
    {
        Assert.Equal(0, Run(CreateArguments(epochs: 1)).Code);

        string[] bad = [_data["nothing.jpg"], _data.Write("huge.png", ImageBytes.CreatePng(46341, 46341, 8, 2, [], 0)), _data.Write("icon.ico", ImageBytes.CreateIco(20000, 20000))];
        var (code, output, error) = Run(["predict", .. bad, _data["red/01.png"], "--model", _out.Path, "--device", "cpu"]);

        Assert.Equal(1, code);
        Assert.StartsWith(_data["red/01.png"], output, StringComparison.Ordinal);
        var problems = error.ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Equal(bad.Length, problems.Length);
        Assert.All(bad.Zip(problems), pair => Assert.StartsWith(pair.First + ": ", pair.Second, StringComparison.Ordinal));
        AssertRefused("--model: expected the folder of a training run, got none", "predict", _data["red/01.png"]);
        AssertRefused("Required argument", "predict");
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_same_seed_gives_the_same_weights_whichever_thread_reads_first()
    {
        byte[] TrainWeights(string folder)
        {
            Assert.Equal(0, Run([.. CreateArguments(epochs: 1, folder), "--random-erase", "0.5"]).Code);
            return File.ReadAllBytes(_out[$"{folder}/model.safetensors"]);
        }

        Assert.True(TrainWeights("a").AsSpan().SequenceEqual(TrainWeights("b")));
    }

    [Fact]
    public void Too_few_images_are_refused()
    {
        using var few = new TempFolder();
        TestImages.WriteSet(few, perClass: 6);
        AssertRefused("expected at least 20 training images, got 16; with --weights imagenet 4 are enough", "--data", few.Path, "--out", _out.Path);

        for (var i = 0; i < 15; i++)
            _data.Write($"red/{i:00}.{(i % 2 == 0 ? "jpg" : "png")}", [1, 2, 3]);
        var (code, _, error) = Run(CreateArguments(epochs: 1));
        Assert.Equal(1, code);
        Assert.Contains("expected training images of every class, got none of 'red' that can be read; remove the class, or add images", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_out["settings.json"]));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_test_part_without_labels_or_images_is_reported()
    {
        using var parts = new TempFolder();
        Directory.CreateDirectory(parts["test"]);
        Directory.Move(_data.Path, parts["train"]);
        Directory.CreateDirectory(_data.Path); // Dispose deletes it
        File.Copy(parts["train/red/01.png"], parts["test/1.png"]);
        string[] arguments = ["--data", parts.Path, "--out", _out.Path, "--size", "32", "--epochs", "1", "--batch-size", "8", "--device", "cpu"];

        var (code, output, error) = Run(arguments);
        Assert.Equal(0, code);
        Assert.Contains($"{parts["test"]}: left out: expected a folder of images for each class, found none", error, StringComparison.Ordinal);
        Assert.Contains("of 4 images", output, StringComparison.Ordinal);

        Directory.CreateDirectory(parts["test/red"]);
        parts.Write("test/red/2.png", "no image"u8.ToArray());
        (code, output, error) = Run(arguments);
        Assert.Equal(0, code);
        Assert.Contains("there will be no test: expected test images, got none that can be read", error, StringComparison.Ordinal);
        Assert.DoesNotContain("test accuracy", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_images_is_refused()
    {
        using var nothing = new TempFolder();
        AssertRefused("expected a folder of images for each class, or files in", "--data", nothing.Path, "--out", _out.Path);
    }
}
