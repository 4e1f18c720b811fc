namespace ResNet.Train.Tests;

public sealed class MnistTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_subset_that_comes_with_the_program_is_balanced_and_known_as_clothes()
    {
        var set = DataSet.Load(Path.Combine(AppContext.BaseDirectory, "data"));

        Assert.Equal(Enumerable.Repeat(600, 10), set.Training.Concat(set.Validation).CountBy(picture => picture.Label).Select(pair => pair.Value));
        Assert.Equal(Enumerable.Repeat(100, 10), set.Test.CountBy(picture => picture.Label).Select(pair => pair.Value));
        Assert.Equal((5400, 600, 1000, true), (set.Training.Count, set.Validation.Count, set.Test.Count, set.Grayscale));
        Assert.Equal(("T-shirt", "Boot", Recipe.FashionMnist), (set.Classes[0], set.Classes[9], set.Defaults));
    }

    [Fact]
    public void A_picture_is_where_its_index_says()
    {
        Idx.WriteSet(_folder);

        var set = IdxSet.Read(_folder.Path);

        Assert.Equal((60, 20), (set.Training.Labels.Length, set.Test.Labels.Length));
        Assert.Equal(7, set.Training.Labels[37]);
        var picture = set.Training.Pixels.AsSpan(37 * IdxSet.Area, IdxSet.Area);
        Assert.Equal(18 * 28, picture.IndexOfAnyExcept((byte)0));
        Assert.Equal(237, picture[18 * 28]);
        using var image = DataSet.Load(_folder.Path).Test[7].Decode(32);
        Assert.Equal((28, 28, 207), (image.Width, image.Height, image.PeekPixels().GetPixelColor(0, 18).Red));
    }

    [Fact]
    public void What_is_not_clothes_has_numbers_for_names_and_is_not_mirrored()
    {
        Idx.WriteSet(_folder);

        var set = DataSet.Load(_folder.Path);

        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], set.Classes);
        Assert.Equal(0, set.Defaults.Flip);
    }

    [Fact]
    public void As_many_classes_as_there_are_labels()
    {
        Idx.WriteSet(_folder);
        _folder.Write("train-labels-idx1-ubyte.gz", Idx.Gzip(Idx.Labels([.. Enumerable.Range(0, 60).Select(i => (byte)(i % 26))])));

        Assert.Equal(26, DataSet.Load(_folder.Path).Classes.Count);
    }

    [Fact]
    public void Files_that_are_not_gzipped_will_do()
    {
        Idx.WriteSet(_folder);
        File.Delete(_folder["t10k-labels-idx1-ubyte.gz"]);
        _folder.Write("t10k-labels-idx1-ubyte", Idx.Labels(new byte[20]));

        Assert.Equal(new byte[20], IdxSet.Read(_folder.Path).Test.Labels);
    }

    [Fact]
    public void A_missing_folder_is_told() => Refused(_folder["nothing"], "--data: expected a folder");

    [Fact]
    public void A_missing_file_is_told()
    {
        Idx.WriteSet(_folder);
        File.Delete(_folder["t10k-images-idx3-ubyte.gz"]);
        Refused("expected a file t10k-images-idx3-ubyte.gz or t10k-images-idx3-ubyte, found neither");
    }

    [Fact]
    public void Images_and_labels_of_different_counts_are_told()
    {
        Idx.WriteSet(_folder);
        _folder.Write("train-labels-idx1-ubyte.gz", Idx.Gzip(Idx.Labels(new byte[59])));
        Refused("expected a label for each of the 60 images in train-images-idx3-ubyte.gz, got 59");
    }

    [Fact]
    public void A_label_out_of_range_is_told()
    {
        Idx.WriteSet(_folder);
        _folder.Write("t10k-labels-idx1-ubyte.gz", Idx.Gzip(Idx.Labels([.. new byte[13], 10, .. new byte[6]])));
        Refused("expected labels from 0 to 9, as the training images have, got 10 for image 13");
    }

    private void Refused(string message) => Refused(_folder.Path, message);

    private static void Refused(string folder, string message) =>
        Assert.Contains(message, Assert.Throws<UserException>(() => DataSet.Load(folder)).Message, StringComparison.Ordinal);
}
