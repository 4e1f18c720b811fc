namespace ResNet.Train.Tests;

public sealed class FashionMnistTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_subset_that_comes_with_the_program_is_balanced()
    {
        var set = FashionMnist.Load(Path.Combine(AppContext.BaseDirectory, "data"));

        Assert.Equal(Enumerable.Repeat(600, 10), set.Training.Labels.CountBy(label => label).Select(pair => pair.Value));
        Assert.Equal(Enumerable.Repeat(100, 10), set.Test.Labels.CountBy(label => label).Select(pair => pair.Value));
        Assert.Equal(FashionMnist.Mean, set.Training.Pixels.Average(pixel => pixel / 255.0), 0.005);
    }

    [Fact]
    public void A_picture_is_where_its_index_says()
    {
        Idx.WriteSet(_folder);

        var set = FashionMnist.Load(_folder.Path);

        Assert.Equal(60, set.Training.Count);
        Assert.Equal(20, set.Test.Count);
        Assert.Equal(7, set.Training.Labels[37]);
        Assert.Equal(18 * 28, set.Training[37].IndexOfAnyExcept((byte)0));
        Assert.Equal(237, set.Training[37][18 * 28]);
    }

    [Fact]
    public void Files_that_are_not_gzipped_will_do()
    {
        Idx.WriteSet(_folder);
        File.Delete(_folder["t10k-labels-idx1-ubyte.gz"]);
        _folder.Write("t10k-labels-idx1-ubyte", Idx.Labels(new byte[20]));

        Assert.Equal(new byte[20], FashionMnist.Load(_folder.Path).Test.Labels);
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
        Refused("expected labels from 0 to 9, got 10 for image 13");
    }

    [Fact]
    public void Too_few_images_to_train_and_validate_with_are_told()
    {
        Idx.WriteSet(_folder, training: 19);
        Refused("expected at least 20 training images, got 19");
    }

    private void Refused(string message) => Refused(_folder.Path, message);

    private static void Refused(string folder, string message) =>
        Assert.Contains(message, Assert.Throws<UserException>(() => FashionMnist.Load(folder)).Message, StringComparison.Ordinal);
}
