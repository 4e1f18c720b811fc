using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>Warnings of the same image in two parts of a dataset, or in two classes.</summary>
public sealed class CopiesTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Each_kind_of_copy_gets_one_warning_and_the_training_goes_on()
    {
        TestImages.WriteSet(_data);
        Directory.CreateDirectory(_data["train"]);
        foreach (var name in new[] { "blue", "red", "yellow" })
        {
            Directory.Move(_data[name], _data[$"train/{name}"]);
            foreach (var part in new[] { "test", "val" })
                TestImages.Write(_data, $"{part}/{name}/own.png", SKColors.Gray, SKEncodedImageFormat.Png, 90 + part.Length, 20 + name.Length);
        }
        File.Copy(_data["train/blue/00.jpg"], _data["test/blue/x.jpg"]);
        File.Copy(_data["train/red/01.png"], _data["test/red/y.png"]);
        File.Copy(_data["train/red/02.jpg"], _data["val/red/z.jpg"]);
        File.Copy(_data["train/red/04.jpg"], _data["train/yellow/copy.jpg"]);
        File.Copy(_data["train/red/04.jpg"], _data["train/red/copy.jpg"]);

        var (code, _, error) = Run("--data", _data.Path, "--out", _out.Path, "--size", "16", "--epochs", "1", "--device", "cpu");

        Assert.Equal(0, code);
        Assert.Equal(
            ["2 test images are training images as well, such as test/blue/x.jpg", "1 validation image is a training image as well, such as val/red/z.jpg", "3 images are in two classes, such as train/red/04.jpg"],
            error.ReplaceLineEndings("\n").TrimEnd().Split('\n'));
    }

    [Fact]
    public void The_bundled_dataset_has_no_copies()
    {
        var folder = Path.Combine(Path.GetDirectoryName(Assembly)!, "data");
        var data = DataSet.Load(folder);
        Assert.Empty(SameImages.Find(data, new ImageList(ListDigests(data.Training), ListDigests(data.Validation), ListDigests(data.Test)), folder));

        IReadOnlyDictionary<string, string> ListDigests(IReadOnlyList<Image> images) => images.ToDictionary(image => image.GetNameIn(folder), image => image.ComputeDigest());
    }
}
