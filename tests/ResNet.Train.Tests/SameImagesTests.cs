using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>A training is resumed with what it began with and tested with what it has kept for that, and otherwise not without a word.</summary>
public sealed class SameImagesTests : IClassFixture<SameImagesTests.Training>, IDisposable
{
    private readonly Training _training;
    private readonly TempFolder _data = new(), _run = new();

    public SameImagesTests(Training training)
    {
        _training = training;
        Copy(training.Data, _data);
        Copy(training.Folder, _run);
        File.WriteAllBytes(_run[Settings.FileName], (Settings.Read(_run.Path) with { Data = _data.Path }).ToJson());
    }

    public void Dispose()
    {
        _data.Dispose();
        _run.Dispose();
    }

    /// <summary>One for all of these tests, each of which has copies of its folders.</summary>
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
    public void A_class_with_another_name_is_told_and_nothing_is_written()
    {
        Directory.Move(_data["red"], _data["rouge"]);
        NotResumed("expected the training's original classes", "1 added (rouge); 1 gone (red)", $"--data '{_data.Path}' --weights '{_run["model.safetensors"]}'");
    }

    [Fact]
    public void Another_class_is_told()
    {
        TestImages.Write(_data, "green/1.png", SKColors.Green, SKEncodedImageFormat.Png, 40, 50);
        NotResumed("expected the training's original classes", "1 added (green);");
    }

    [Fact]
    public void Images_that_came_went_and_changed_are_told()
    {
        TestImages.Write(_data, "blue/more.png", SKColors.Blue, SKEncodedImageFormat.Png, 40, 50);
        File.Delete(_data["blue/03.png"]);
        _data.Write("red/05.png", [1, 2, 3]);
        File.Copy(_data["red/07.png"], _data["red/01.png"], overwrite: true);

        var error = NotResumed("expected the training's original images", "1 added (blue/more.png); 2 gone or broken (blue/03.png, red/05.png); 1 changed (red/01.png)");
        Assert.Contains("1 files are left out", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_image_changes_nothing()
    {
        _data.Write("blue/00 notes.txt", "no picture"u8.ToArray());

        var (code, output, error) = Run("resume", _run.Path);

        Assert.Equal(0, code);
        Assert.Contains("1 files are left out", error, StringComparison.Ordinal);
        Assert.Contains("resumed after 1 epochs", output, StringComparison.Ordinal);
        Same("images.json", "network.json", "model.pth");
        Assert.Equal(_data.Path, Settings.Read(_run.Path).Data);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_folder_of_the_images_may_move_and_is_found_there_later()
    {
        using var elsewhere = new TempFolder();
        Directory.Move(_data.Path, elsewhere["data"]);
        Refused($"resume: expected the training's images in '{_data.Path}', found no such folder; if they have moved, name their new folder with --data DIR", "resume", _run.Path);
        Refused($"evaluate: expected the training's images in '{_data.Path}'", "evaluate", _run.Path);

        Assert.Equal((0, ""), Silent(Run("resume", _run.Path, "--data", elsewhere["data"])));
        Assert.Equal(elsewhere["data"], Settings.Read(_run.Path).Data);
        Same("images.json", "network.json", "model.pth");
        Assert.Contains($"the training's test images in '{elsewhere["data"]}'", Run("evaluate", _run.Path).Output, StringComparison.Ordinal);
        Directory.CreateDirectory(_data.Path); // to be removed
    }

    [Fact]
    public void A_lost_checkpoint_is_told_and_the_weights_stay()
    {
        File.Delete(_run["checkpoint.safetensors"]);
        NotResumed($"resume: expected a file {_run["checkpoint.safetensors"]}, because metrics.csv has complete epochs, found none; restore it, or start a new training with --weights '{_run["model.safetensors"]}'");

        Directory.CreateDirectory(_run["checkpoint.safetensors"]);
        File.Delete(_run["model.safetensors"]);
        Assert.EndsWith("found none; restore it", NotResumed("resume: expected a file").TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Before_the_first_epoch_is_complete_there_is_no_checkpoint_and_it_begins()
    {
        File.Delete(_run["checkpoint.safetensors"]);
        File.Delete(_run["metrics.csv"]);
        var (code, output, error) = Run("resume", _run.Path);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("epoch 1/1", output, StringComparison.Ordinal);
        Same("model.pth");
    }

    [Fact]
    public void Another_set_of_the_same_classes_is_told_as_that()
    {
        foreach (var file in Directory.GetFiles(_data.Path, "*", SearchOption.AllDirectories))
            File.Move(file, Path.Combine(Path.GetDirectoryName(file)!, $"other {Path.GetFileName(file)}"));
        var error = NotResumed("resume: expected the training's original images", "got others: 45 added (blue/other 00.jpg, ", "; 45 gone or broken (blue/00.jpg, ");
        Assert.DoesNotContain("there will be no test", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_no_training_writes_is_told()
    {
        var list = ImageList.Read(_run.Path)!;
        File.WriteAllBytes(_run["images.json"], (list with { Training = ImageList.None }).ToJson());
        NotResumed($"{_run["images.json"]}: expected training images, got none");
        File.WriteAllBytes(_run["images.json"], (list with { Validation = ImageList.None }).ToJson());
        NotResumed("expected the training's original images");
        File.WriteAllBytes(_run["images.json"], (list with { Test = list.Validation }).ToJson());
        NotResumed("expected each image in one part, got ");
    }

    [Fact]
    public void Of_a_training_that_has_left_no_list_nobody_knows_what_it_has_held_out()
    {
        File.Delete(_run["images.json"]);
        Refused($"resume: expected a file {_run["images.json"]}, found none", "resume", _run.Path);
        Refused($"evaluate: expected a file {_run["images.json"]}, found none", "evaluate", _run.Path);
        Directory.Move(_data["red"], _data["rouge"]);
        Refused("resume: expected the training's original classes", "resume", _run.Path);
    }

    [Fact]
    public void Files_of_two_trainings_are_told()
    {
        File.WriteAllText(_run["network.json"], File.ReadAllText(_run["network.json"]).Replace("Conv7MaxPool", "Conv7", StringComparison.Ordinal));
        Refused("resume: expected network.json and settings.json of one training", "resume", _run.Path);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_trainings_own_test_images_stay_its_own_where_others_come()
    {
        var before = Tested(_run.Path, "--device", "cpu");
        for (var i = 0; i < 30; i++)
            TestImages.Write(_data, $"blue/more {i}.png", SKColors.Blue, SKEncodedImageFormat.Png, 40, 50);
        TestImages.Write(_data, "another class/1.png", SKColors.Green, SKEncodedImageFormat.Png, 40, 50);
        Assert.Equal(before, Tested(_run.Path, "--device", "cpu"));
        Assert.StartsWith("test accuracy ", before, StringComparison.Ordinal);

        var kept = ImageList.Read(_run.Path)!.Test.Keys.Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(4, kept.Length);
        File.Delete(_data[kept[0]]);
        File.Copy(_data["blue/more 1.png"], _data[kept[1]], overwrite: true);
        Refused($"evaluate: expected the training's test images in '{_data.Path}', got others: 1 gone or broken ({kept[0]}); 1 changed ({kept[1]})", "evaluate", _run.Path);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_folder_that_is_named_is_tested_completely_by_the_names_of_its_classes()
    {
        using var some = new TempFolder();
        for (var i = 0; i < 12; i++)
            TestImages.Write(some, $"yellow/{i}.png", SKColors.Yellow, SKEncodedImageFormat.Png, 40, 50);
        var broken = some.Write("yellow/broken.jpg", [0xff, 0xd8, 0xff]);

        var (code, output, error) = Run("evaluate", _run.Path, "--data", some.Path, "--device", "cpu");
        Assert.Equal(0, code);
        Assert.StartsWith($"1 files are left out because they are broken or no images:\n  {broken}: ", error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        var lines = output.ReplaceLineEndings("\n").Split('\n');
        Assert.Matches($"^test accuracy [01]\\.000 \\(.*\\): (0|12) of 12 images, loss .*; all images in '{System.Text.RegularExpressions.Regex.Escape(some.Path)}'$", lines[0]);
        Assert.EndsWith(" of 12", lines[3], StringComparison.Ordinal);
        Assert.Equal("no images of: blue, red", lines[4]);
        Assert.Contains("45 images, loss", Run("evaluate", _run.Path, "--data", _data.Path, "--device", "cpu").Output, StringComparison.Ordinal);
        Assert.EndsWith("MB", Run("export", _run.Path, "--int8", "--data", some.Path).Output.TrimEnd(), StringComparison.Ordinal);

        Directory.Move(some["yellow"], some["gold"]);
        Refused("got others as well: gold", "evaluate", _run.Path, "--data", some.Path, "--device", "cpu");
    }

    [Fact]
    public void The_files_of_MNISTs_format_are_compared_as_well()
    {
        using var files = new TempFolder();
        Idx.WriteSet(files, training: 30, test: 2);
        ImageList List()
        {
            var data = DataSet.Load(files.Path);
            IReadOnlyDictionary<string, string> Of(IReadOnlyList<Image> part) => ImageList.ListDigests(DatasetScan.Scan(part, 28, 1, data.Grayscale, () => { }, default), files.Path);
            return new ImageList(Of(data.Training), Of(data.Validation), Of(data.Test));
        }
        var before = List();
        Assert.Null(before.Compare(List()));

        var labels = Enumerable.Range(0, 30).Select(i => (byte)(i == 7 ? 3 : i % 10)).ToArray();
        files.Write("train-labels-idx1-ubyte.gz", Idx.Gzip(Idx.Labels(labels)));
        Assert.Equal("1 changed (training image 7)", before.Compare(List()));
        files.Write("t10k-images-idx3-ubyte.gz", Idx.Gzip(Idx.Images(2)));
        Assert.Equal("3 changed (test image 0, test image 1, training image 7)", before.Compare(List()));
    }

    [Fact]
    public void A_new_training_leaves_nothing_of_the_one_before_that_could_be_taken_for_its_own()
    {
        _run.Write("model.onnx", [1]);
        using var program = Start("--data", _data.Path, "--out", _run.Path, "--size", "32", "--epochs", "100", "--batch-size", "2", "--device", "cpu", "--weights", _run["model.pth"]);
        while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("ResNet-18 on", StringComparison.Ordinal))
        {
        }
        var left = Directory.GetFiles(_run.Path).Select(Path.GetFileName);
        program.Kill();
        program.WaitForExit();
        Assert.Empty(left.Intersect(["model.safetensors", "model.onnx", "checkpoint.safetensors", "metrics.csv"]));
        Assert.Contains("model.pth", left); // without which it could not be resumed
    }

    private string NotResumed(params string[] parts)
    {
        var before = Directory.GetFiles(_run.Path).Order().Select(path => (path, File.GetLastWriteTimeUtc(path))).ToArray();
        var (code, output, error) = Run("resume", _run.Path);
        Assert.Equal(1, code);
        Assert.DoesNotContain("ResNet-18 on", output, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal));
        Assert.Equal(before, Directory.GetFiles(_run.Path).Order().Select(path => (path, File.GetLastWriteTimeUtc(path))));
        return error;
    }

    private static (int Code, string Error) Silent((int Code, string Output, string Error) result) => (result.Code, result.Error);

    private void Same(params string[] files) =>
        Assert.All(files, file => Assert.True(File.ReadAllBytes(_run[file]).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(_training.Folder, file))), file));

    private static void Copy(string folder, TempFolder copy)
    {
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            var target = copy[Path.GetRelativePath(folder, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
