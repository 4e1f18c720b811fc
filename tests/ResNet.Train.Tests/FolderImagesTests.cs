using ResNet.Core;
using SkiaSharp;

namespace ResNet.Train.Tests;

/// <summary>The images of a folder for a test or a calibration, labeled with the network's classes.</summary>
public sealed class FolderImagesTests : IDisposable
{
    private static readonly ModelConfig network = new(Stem.Conv7, 32, 1, Grayscale: false, new Normalization([0, 0, 0], [1, 1, 1]), ["yellow", "red", "blue"]);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_images_in_class_folders_are_tested()
    {
        TestImages.WriteSet(_folder, perClass: 7);
        var images = LoadForTest();

        Assert.Equal($"all images in '{_folder.Path}'", images.Description);
        Assert.Equal(21, images.Images.Count);
        Assert.All(images.Relabel(network), image => Assert.Contains($"/{network.Classes[image.Label]}/", image.Name.Replace('\\', '/'), StringComparison.Ordinal));
    }

    [Fact]
    public void One_class_is_enough_and_gets_the_networks_label()
    {
        WriteImages("blue/1.png", "blue/deeper/2.png");
        Assert.Equal([2, 2], LoadForTest().Relabel(network).Select(image => image.Label));
    }

    [Fact]
    public void Classes_that_the_network_does_not_know_are_refused()
    {
        WriteImages("blue/1.png", "green/1.png", "black/1.png");
        var problem = Assert.Throws<UserException>(() => LoadForTest().Relabel(network));
        Assert.Equal("evaluate: expected images of the network's classes (yellow, red, blue), got others as well: black, green", problem.Message);
    }

    [Theory]
    [InlineData("Test", "train/red/1.png", "val/red/1.png", "Test/red/1.png")]
    [InlineData("val", "train/red/1.png", "val/red/1.png")]
    [InlineData("test", "val/red/1.png", "test/red/1.png")]
    [InlineData("test", "test/red/1.png")]
    [InlineData("train", "train/red/1.png")]
    public void The_test_part_is_tested_and_the_training_part_calibrates(string part, params string[] files)
    {
        WriteImages(files);
        Assert.Equal($"all images in '{_folder[part]}'", LoadForTest().Description);
        Assert.Equal([1], LoadForTest().Relabel(network).Select(image => image.Label));

        var training = files[0].Split('/')[0];
        Assert.Equal($"all images in '{_folder[training]}'", DataSet.LoadAll(_folder.Path, forTest: false, network.Classes).Description);
    }

    /// <summary>The folders are read by the same rules as for a training.</summary>
    [Theory]
    [InlineData("test", "", "train/red/1.png", "test/red/1.png", "unlabeled/1.png")]
    [InlineData("val", "test: left out: expected a folder of images for each class, found none", "train/red/1.png", "val/red/1.png", "test/1.png")]
    [InlineData("test", "test: left out 1 image beside the class folders", "train/red/1.png", "test/red/1.png", "test/loose.png")]
    public void Skipped_files_and_folders_are_reported(string part, string remark, params string[] files)
    {
        WriteImages(files);
        var images = LoadForTest();
        Assert.Equal($"all images in '{_folder[part]}'", images.Description);
        Assert.Equal([1], images.Relabel(network).Select(image => image.Label));
        if (remark.Length == 0)
            Assert.Empty(images.Remarks);
        else
            Assert.EndsWith(remark, Assert.Single(images.Remarks), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("got test beside green", "green/1.png", "test/red/1.png")]
    [InlineData("found none in test", "test/1.png")]
    public void Ambiguous_folders_are_refused(string message, params string[] files)
    {
        WriteImages(files);
        Assert.Contains(message, Assert.Throws<UserException>(LoadForTest).Message, StringComparison.Ordinal);
    }

    [UnixFact]
    public void Each_file_counts_once_however_many_links_lead_to_it()
    {
        WriteImages("red/1.png", "red/2.png");
        Directory.CreateSymbolicLink(_folder["red/above"], _folder.Path);
        File.CreateSymbolicLink(_folder["red/3.png"], _folder["red/1.png"]);
        var images = LoadForTest();
        Assert.Equal(2, images.Images.Count);
        Assert.Contains("not followed", Assert.Single(images.Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_may_be_named_like_parts()
    {
        WriteImages("train/1.png", "test/1.png");
        var vehicles = network with { Classes = ["bus", "test", "train"] };
        Assert.Equal([1, 2], DataSet.LoadAll(_folder.Path, forTest: true, vehicles.Classes).Relabel(vehicles).Select(image => image.Label));
    }

    [Fact]
    public void MNISTs_test_files_are_tested()
    {
        Idx.WriteSet(_folder, training: 60, test: 20);
        var digits = network with { Classes = [.. Enumerable.Range(0, 10).Reverse().Select(i => $"{i}")] };
        var images = DataSet.LoadAll(_folder.Path, forTest: true, digits.Classes);

        Assert.Equal(($"the test files in '{_folder.Path}'", 20), (images.Description, images.Images.Count));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => 9 - i % 10), images.Relabel(digits).Select(image => image.Label));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => i % 10), images.Images.Select(image => image.Label)); // unchanged
        Assert.Equal(60, DataSet.LoadAll(_folder.Path, forTest: false, digits.Classes).Images.Count);
    }

    [Fact]
    public void An_empty_folder_is_refused() =>
        Assert.Contains("expected a folder of images for each class", Assert.Throws<UserException>(LoadForTest).Message, StringComparison.Ordinal);

    [Fact]
    public void Duplicate_class_names_are_refused()
    {
        File.WriteAllText(_folder["batches.meta.txt"], string.Concat(Enumerable.Range(0, 10).Select(i => $"{(i == 7 ? 3 : i)}\n")));
        foreach (var name in new[] { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin" })
            _folder.Write(name, new byte[3073]);
        Assert.Contains("expected distinct class names, got 3 twice", Assert.Throws<UserException>(() => DataSet.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    private FolderImages LoadForTest() => DataSet.LoadAll(_folder.Path, forTest: true, network.Classes);

    private void WriteImages(params string[] files)
    {
        foreach (var file in files)
            TestImages.Write(_folder, file, SKColors.Red, SKEncodedImageFormat.Png, 40, 50);
    }
}
