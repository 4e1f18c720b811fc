namespace ResNet.Train.Tests;

public sealed class MnistTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_bundled_subset_is_balanced_and_recognized_as_Fashion_MNIST()
    {
        var set = DataSet.Load(Path.Combine(AppContext.BaseDirectory, "data"));

        Assert.Equal(Enumerable.Repeat(600, 10), set.Training.Concat(set.Validation).CountBy(image => image.Label).Select(pair => pair.Value));
        Assert.Equal(Enumerable.Repeat(100, 10), set.Test.CountBy(image => image.Label).Select(pair => pair.Value));
        Assert.Equal((5400, 600, 1000, true), (set.Training.Count, set.Validation.Count, set.Test.Count, set.Grayscale));
        Assert.Equal(("T-shirt", "Boot", Recipe.FashionMnist), (set.Classes[0], set.Classes[9], set.Defaults));
    }

    [Fact]
    public void Images_and_labels_are_found_by_their_index()
    {
        Idx.WriteSet(_folder);

        var set = IdxSet.Read(_folder.Path);

        Assert.Equal((60, 20), (set.Training.Labels.Length, set.Test.Labels.Length));
        Assert.Equal(7, set.Training.Labels[37]);
        var pixels = set.Training.Pixels.AsSpan(37 * IdxSet.Area, IdxSet.Area);
        Assert.Equal(18 * 28, pixels.IndexOfAnyExcept((byte)0));
        Assert.Equal(237, pixels[18 * 28]);
        using var image = DataSet.Load(_folder.Path).Test[7].Decode(32);
        Assert.Equal((28, 28, 207), (image.Width, image.Height, image.PeekPixels().GetPixelColor(0, 18).Red));
    }

    [Fact]
    public void Digits_have_numbers_as_class_names_and_are_not_flipped()
    {
        Idx.WriteSet(_folder);

        var set = DataSet.Load(_folder.Path);

        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], set.Classes);
        Assert.Equal(0, set.Defaults.Flip);
    }

    [Fact]
    public void There_are_as_many_classes_as_distinct_labels()
    {
        Idx.WriteSet(_folder);
        _folder.Write("train-labels-idx1-ubyte.gz", Idx.Compress(Idx.CreateLabels([.. Enumerable.Range(0, 60).Select(i => (byte)(i % 26))])));

        Assert.Equal(26, DataSet.Load(_folder.Path).Classes.Count);
    }

    [Fact]
    public void Files_may_be_uncompressed()
    {
        Idx.WriteSet(_folder);
        File.Delete(_folder["t10k-labels-idx1-ubyte.gz"]);
        _folder.Write("t10k-labels-idx1-ubyte", Idx.CreateLabels(new byte[20]));

        Assert.Equal(new byte[20], IdxSet.Read(_folder.Path).Test.Labels);
    }

    [Fact]
    public void A_missing_folder_is_refused() => AssertRefused(_folder["nothing"], "--data: expected a folder");

    [Fact]
    public void A_missing_file_is_refused()
    {
        Idx.WriteSet(_folder);
        File.Delete(_folder["t10k-images-idx3-ubyte.gz"]);
        AssertRefused("expected a file t10k-images-idx3-ubyte.gz or t10k-images-idx3-ubyte, found neither");
    }

    [Fact]
    public void Different_counts_of_images_and_labels_are_refused()
    {
        Idx.WriteSet(_folder);
        _folder.Write("train-labels-idx1-ubyte.gz", Idx.Compress(Idx.CreateLabels(new byte[59])));
        AssertRefused("expected a label for each of the 60 images in train-images-idx3-ubyte.gz, got 59");
    }

    [Fact]
    public void A_label_out_of_range_is_refused()
    {
        Idx.WriteSet(_folder);
        _folder.Write("t10k-labels-idx1-ubyte.gz", Idx.Compress(Idx.CreateLabels([.. new byte[13], 10, .. new byte[6]])));
        AssertRefused("expected labels from 0 to 9, as the training images have, got 10 for image 13");
    }

    private void AssertRefused(string message) => AssertRefused(_folder.Path, message);

    private static void AssertRefused(string folder, string message) =>
        Assert.Contains(message, Assert.Throws<UserException>(() => DataSet.Load(folder)).Message, StringComparison.Ordinal);
}
