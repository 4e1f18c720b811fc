using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>A training resumes with its original images only, and is evaluated with its own test images.</summary>
public sealed class SameImagesTests : IClassFixture<SameImagesTests.Training>, IDisposable
{
    private readonly Training _training;
    private readonly TempFolder _data = new(), _run = new();

    public SameImagesTests(Training training)
    {
        _training = training;
        CopyFolder(training.Data, _data);
        CopyFolder(training.Folder, _run);
        File.WriteAllBytes(_run[Settings.FileName], (Settings.Read(_run.Path) with { Data = _data.Path }).ToJson());
    }

    public void Dispose()
    {
        _data.Dispose();
        _run.Dispose();
    }

    /// <summary>One training for all tests of the class. Each test has copies of its folders.</summary>
    public sealed class Training : IDisposable
    {
        private readonly TempFolder _data = new(), _run = new();

        public Training()
        {
            TestImages.WriteSet(_data);
            Assert.Equal(0, Run("--data", Data, "--out", Folder, "--size", "32", "--epochs", "1", "--batch-size", "16", "--device", "cpu").Code);
        }

        public string Data => _data.Path;

        public string Folder => _run.Path;

        public void Dispose()
        {
            _data.Dispose();
            _run.Dispose();
        }
    }

    [Fact]
    public void A_renamed_class_is_refused_and_nothing_is_written()
    {
        Directory.Move(_data["red"], _data["rouge"]);
        AssertNotResumed("expected the training's original classes", "1 added (rouge); 1 gone (red)", $"--data '{_data.Path}' --weights '{_run["model.safetensors"]}'");
    }

    [Fact]
    public void An_added_class_is_refused()
    {
        TestImages.Write(_data, "green/1.png", SKColors.Green, SKEncodedImageFormat.Png, 40, 50);
        AssertNotResumed("expected the training's original classes", "1 added (green);");
    }

    [Fact]
    public void Added_removed_and_changed_images_are_named()
    {
        TestImages.Write(_data, "blue/more.png", SKColors.Blue, SKEncodedImageFormat.Png, 40, 50);
        File.Delete(_data["blue/03.png"]);
        _data.Write("red/05.png", [1, 2, 3]);
        File.Copy(_data["red/07.png"], _data["red/01.png"], overwrite: true);

        var error = AssertNotResumed("expected the training's original images", "1 added (blue/more.png); 2 gone or broken (blue/03.png, red/05.png); 1 changed (red/01.png)");
        Assert.Contains("1 file is left out", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_image_changes_nothing()
    {
        _data.Write("blue/00 notes.txt", "no image"u8.ToArray());

        var (code, output, error) = Run("resume", _run.Path);

        Assert.Equal(0, code);
        Assert.Contains("1 file is left out", error, StringComparison.Ordinal);
        Assert.Contains("resumed after 1 epoch: the training was complete, and is only tested again", output, StringComparison.Ordinal);
        Assert.DoesNotContain("--weights imagenet", output, StringComparison.Ordinal); // advice for a new training
        AssertUnchanged("images.json", "network.json", "model.pth");
        Assert.Equal(_data.Path, Settings.Read(_run.Path).Data);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_image_folder_may_move_and_the_new_one_is_remembered()
    {
        using var elsewhere = new TempFolder();
        Directory.Move(_data.Path, elsewhere["data"]);
        AssertRefused($"resume: expected the training's images in '{_data.Path}', found no such folder; if they have moved, name their new folder with --data DIR", "resume", _run.Path);
        AssertRefused($"evaluate: expected the training's images in '{_data.Path}'", "evaluate", _run.Path);

        Assert.Equal((0, ""), DropOutput(Run("resume", _run.Path, "--data", elsewhere["data"])));
        Assert.Equal(elsewhere["data"], Settings.Read(_run.Path).Data);
        AssertUnchanged("images.json", "network.json", "model.pth");
        Assert.Contains($"the training's test images in '{elsewhere["data"]}'", Run("evaluate", _run.Path).Output, StringComparison.Ordinal);
        Directory.CreateDirectory(_data.Path); // Dispose deletes it
    }

    [Fact]
    public void A_lost_checkpoint_is_refused_and_the_weights_stay()
    {
        File.Delete(_run["checkpoint.safetensors"]);
        AssertNotResumed($"resume: expected a file {_run["checkpoint.safetensors"]}, because metrics.csv has complete epochs, found none; restore it, or start a new training with --weights '{_run["model.safetensors"]}'");

        Directory.CreateDirectory(_run["checkpoint.safetensors"]);
        File.Delete(_run["model.safetensors"]);
        Assert.EndsWith("found none; restore it", AssertNotResumed("resume: expected a file").TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_without_a_complete_epoch_resumes_from_the_start()
    {
        File.Delete(_run["checkpoint.safetensors"]);
        File.Delete(_run["metrics.csv"]);
        var (code, output, error) = Run("resume", _run.Path);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("epoch 1/1", output, StringComparison.Ordinal);
        AssertUnchanged("model.pth");
    }

    [Fact]
    public void Another_dataset_with_the_same_classes_is_refused()
    {
        foreach (var file in Directory.GetFiles(_data.Path, "*", SearchOption.AllDirectories))
            File.Move(file, Path.Combine(Path.GetDirectoryName(file)!, $"other {Path.GetFileName(file)}"));
        var error = AssertNotResumed("resume: expected the training's original images", "got others: 45 added (blue/other 00.jpg, ", "; 45 gone or broken (blue/00.jpg, ");
        Assert.DoesNotContain("there will be no test", error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_list_that_no_training_writes_is_refused()
    {
        var list = ImageList.Read(_run.Path)!;
        File.WriteAllBytes(_run["images.json"], (list with { Training = ImageList.None }).ToJson());
        AssertNotResumed($"{_run["images.json"]}: expected training images, got none");
        File.WriteAllBytes(_run["images.json"], (list with { Validation = ImageList.None }).ToJson());
        AssertNotResumed("expected the training's original images");
        File.WriteAllBytes(_run["images.json"], (list with { Test = list.Validation }).ToJson());
        AssertNotResumed("expected each image in one part, got ");
    }

    [Fact]
    public void Without_an_image_list_resume_and_evaluate_are_refused()
    {
        File.Delete(_run["images.json"]);
        AssertRefused($"resume: expected a file {_run["images.json"]}, found none", "resume", _run.Path);
        AssertRefused($"evaluate: expected a file {_run["images.json"]}, found none", "evaluate", _run.Path);
        Directory.Move(_data["red"], _data["rouge"]);
        AssertRefused("resume: expected the training's original classes", "resume", _run.Path);
    }

    [Fact]
    public void Files_of_two_trainings_are_refused()
    {
        File.WriteAllText(_run["network.json"], File.ReadAllText(_run["network.json"]).Replace("Conv7MaxPool", "Conv7", StringComparison.Ordinal));
        AssertRefused("resume: expected network.json and settings.json of one training", "resume", _run.Path);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Added_images_do_not_change_the_trainings_own_test_images()
    {
        var before = Evaluate(_run.Path, "--device", "cpu");
        for (var i = 0; i < 30; i++)
            TestImages.Write(_data, $"blue/more {i}.png", SKColors.Blue, SKEncodedImageFormat.Png, 40, 50);
        TestImages.Write(_data, "another class/1.png", SKColors.Green, SKEncodedImageFormat.Png, 40, 50);
        Assert.Equal(before, Evaluate(_run.Path, "--device", "cpu"));
        Assert.StartsWith("test accuracy ", before, StringComparison.Ordinal);

        var kept = ImageList.Read(_run.Path)!.Test.Keys.Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(4, kept.Length);
        File.Delete(_data[kept[0]]);
        File.Copy(_data["blue/more 1.png"], _data[kept[1]], overwrite: true);
        AssertRefused($"evaluate: expected the training's test images in '{_data.Path}', got others: 1 gone or broken ({kept[0]}); 1 changed ({kept[1]})", "evaluate", _run.Path);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_folder_given_with_data_is_tested_completely_and_by_class_name()
    {
        using var some = new TempFolder();
        for (var i = 0; i < 12; i++)
            TestImages.Write(some, $"yellow/{i}.png", SKColors.Yellow, SKEncodedImageFormat.Png, 40, 50);
        var broken = some.Write("yellow/broken.jpg", [0xff, 0xd8, 0xff]);

        var (code, output, error) = Run("evaluate", _run.Path, "--data", some.Path, "--device", "cpu");
        Assert.Equal(0, code);
        Assert.StartsWith($"1 file is left out because it is broken or not an image:\n  {broken}: ", error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        var lines = output.ReplaceLineEndings("\n").Split('\n');
        Assert.Matches($"^test accuracy [01]\\.000 \\(.*\\): (0|12) of 12 images, loss .*; all images in '{System.Text.RegularExpressions.Regex.Escape(some.Path)}'$", lines[0]);
        Assert.EndsWith(" of 12", lines[3], StringComparison.Ordinal);
        Assert.Equal("no images of: blue, red", lines[4]);
        Assert.EndsWith("MB", Run("export", _run.Path, "--int8", "--data", some.Path).Output.TrimEnd(), StringComparison.Ordinal);

        Directory.Move(some["yellow"], some["gold"]);
        AssertRefused("got others as well: gold", "evaluate", _run.Path, "--data", some.Path, "--device", "cpu");
    }

    [Fact]
    public void Training_images_in_a_test_are_counted()
    {
        var (code, output, error) = Run("evaluate", _run.Path, "--data", _data.Path, "--device", "cpu");
        Assert.Equal(0, code);
        Assert.Contains("45 images, loss", output, StringComparison.Ordinal);
        Assert.Equal($"{ImageList.Read(_run.Path)!.Training.Count} of the 45 images were used in training, so the network knows them", error.TrimEnd());
    }

    [Fact]
    public void Images_in_MNISTs_files_are_compared_too()
    {
        using var files = new TempFolder();
        Idx.WriteSet(files, training: 30, test: 2);
        ImageList ScanFiles()
        {
            var data = DataSet.Load(files.Path);
            IReadOnlyDictionary<string, string> ScanPart(IReadOnlyList<Image> part) => ImageList.ListDigests(DatasetScan.Scan(part, 28, 1, data.Grayscale, () => { }, default), files.Path);
            return new ImageList(ScanPart(data.Training), ScanPart(data.Validation), ScanPart(data.Test));
        }
        var before = ScanFiles();
        Assert.Null(before.Compare(ScanFiles()));

        var labels = Enumerable.Range(0, 30).Select(i => (byte)(i == 7 ? 3 : i % 10)).ToArray();
        files.Write("train-labels-idx1-ubyte.gz", Idx.Compress(Idx.CreateLabels(labels)));
        Assert.Equal("1 changed (training image 7)", before.Compare(ScanFiles()));
        files.Write("t10k-images-idx3-ubyte.gz", Idx.Compress(Idx.CreateImages(2)));
        Assert.Equal("3 changed (test image 0, test image 1, training image 7)", before.Compare(ScanFiles()));
    }

    [Fact]
    public void A_new_training_removes_the_results_of_the_one_before()
    {
        _run.Write("model.onnx", [1]);
        using var program = Start("--data", _data.Path, "--out", _run.Path, "--size", "32", "--epochs", "100", "--batch-size", "2", "--device", "cpu", "--weights", _run["model.pth"]);
        var lines = new List<string>();
        while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("ResNet-18 on", StringComparison.Ordinal))
            lines.Add(line);
        var left = Directory.GetFiles(_run.Path).Select(Path.GetFileName);
        program.Kill();
        program.WaitForExit();
        Assert.Empty(left.Intersect(["model.safetensors", "model.onnx", "checkpoint.safetensors", "metrics.csv"]));
        Assert.Contains("removed an earlier training's settings.json, checkpoint.safetensors, metrics.csv, network.json, model.safetensors, model.onnx", lines);
        Assert.Contains("model.pth", left); // its starting weights, which resume needs
    }

    private string AssertNotResumed(params string[] parts)
    {
        var before = Directory.GetFiles(_run.Path).Order().Select(path => (path, File.GetLastWriteTimeUtc(path))).ToArray();
        var (code, output, error) = Run("resume", _run.Path);
        Assert.Equal(1, code);
        Assert.DoesNotContain("ResNet-18 on", output, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal));
        Assert.Equal(before, Directory.GetFiles(_run.Path).Order().Select(path => (path, File.GetLastWriteTimeUtc(path))));
        return error;
    }

    private static (int Code, string Error) DropOutput((int Code, string Output, string Error) result) => (result.Code, result.Error);

    private void AssertUnchanged(params string[] files) =>
        Assert.All(files, file => Assert.True(File.ReadAllBytes(_run[file]).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(_training.Folder, file))), file));

    private static void CopyFolder(string folder, TempFolder copy)
    {
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            var target = copy[Path.GetRelativePath(folder, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
