using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class CifarSetTests : IDisposable
{
    private const int Area = 32 * 32;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Five_files_are_CIFAR_10s_training_pictures_and_one_its_test()
    {
        WriteCifar10(perFile: 4);

        var data = DataSet.Load(_folder.Path);

        Assert.False(data.Grayscale);
        Assert.Same(Recipe.Cifar, data.Defaults);
        Assert.Equal(2, data.Validation.Count);
        Assert.Equal(18, data.Training.Count);
        var learned = data.Training.Concat(data.Validation).ToDictionary(picture => picture.Name, picture => picture.Label);
        Assert.Equal(20, learned.Count);
        for (var file = 1; file <= 5; file++)
            for (var i = 0; i < 4; i++)
                Assert.Equal((file + i) % 10, learned[$"data_batch_{file}.bin {i}"]);
        Assert.Equal(["test_batch.bin 0", "test_batch.bin 1", "test_batch.bin 2", "test_batch.bin 3"], data.Test.Select(picture => picture.Name));
        Assert.Equal([6, 7, 8, 9], data.Test.Select(picture => picture.Label));
    }

    [Fact]
    public void The_fine_label_is_CIFAR_100s_class()
    {
        _folder.Write("train.bin", [.. Enumerable.Range(0, 30).SelectMany(i => Record(i, (byte)(i % 20), (byte)(99 - i)))]);
        _folder.Write("test.bin", [.. Record(40, 1, 77), .. Record(41, 2, 0)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(100, data.Classes.Count);
        Assert.Empty(data.Validation); // no class has two
        Assert.Equal(Enumerable.Range(70, 30), data.Training.Concat(data.Validation).Select(picture => picture.Label).Order());
        Assert.Equal([77, 0], data.Test.Select(picture => picture.Label));
        AssertPixels(40, data.Test[0]);
        AssertPixels(41, data.Test[1]);
        Assert.All(data.Training, picture => AssertPixels(99 - picture.Label, picture));
    }

    [Fact]
    public void The_planes_are_red_green_and_blue()
    {
        WriteCifar10(perFile: 4);

        var data = DataSet.Load(_folder.Path);

        for (var i = 0; i < 4; i++)
            AssertPixels(60 + i, data.Test[i]);
        foreach (var picture in data.Training.Concat(data.Validation))
            AssertPixels(10 * (picture.Name["data_batch_".Length] - '0') + (picture.Name[^1] - '0'), picture);
    }

    [Fact]
    public void The_names_of_CIFAR_10s_classes_are_in_a_file_beside_it()
    {
        string[] names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
        WriteCifar10();
        File.WriteAllText(_folder["batches.meta.txt"], string.Join("\n", names) + "\n\n"); // as it comes, with an empty line
        Assert.Equal(names, DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void The_names_of_CIFAR_100s_classes_are_in_a_file_beside_it()
    {
        var names = Enumerable.Range(0, 100).Select(i => $"class {i}").ToArray();
        WriteCifar100();
        File.WriteAllText(_folder["fine_label_names.txt"], string.Join("\r\n", names));
        Assert.Equal(names, DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void Without_that_file_classes_have_numbers()
    {
        WriteCifar10();
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void With_a_file_of_other_names_classes_have_numbers()
    {
        WriteCifar100();
        File.WriteAllText(_folder["fine_label_names.txt"], "apple\nbear\n");
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), DataSet.Load(_folder.Path).Classes);
    }

    [Theory]
    [InlineData("data_batch_2.bin")]
    [InlineData("data_batch_5.bin")]
    [InlineData("test_batch.bin")]
    public void A_missing_file_is_told(string name)
    {
        WriteCifar10();
        File.Delete(_folder[name]);
        Refused(_folder.Path, $"expected a file {name}, found none");
    }

    [Fact]
    public void A_missing_test_of_CIFAR_100_is_told()
    {
        WriteCifar100();
        File.Delete(_folder["test.bin"]);
        Refused(_folder.Path, "expected a file test.bin, found none");
    }

    [Theory]
    [InlineData(3072)]
    [InlineData(3074)]
    [InlineData(2 * 3073 - 1)]
    public void A_length_that_is_no_multiple_of_CIFAR_10s_records_is_told(int length)
    {
        WriteCifar10();
        Refused(_folder.Write("data_batch_3.bin", new byte[length]), $"expected records of 3073 bytes, 1 label(s) and 3x32x32 pixels, got {length} bytes");
    }

    [Fact]
    public void A_length_that_is_no_multiple_of_CIFAR_100s_records_is_told()
    {
        WriteCifar100();
        Refused(_folder.Write("test.bin", new byte[3073]), "expected records of 3074 bytes, 2 label(s) and 3x32x32 pixels, got 3073 bytes");
    }

    [Fact]
    public void A_label_that_CIFAR_10_does_not_have_is_told()
    {
        WriteCifar10();
        Refused(_folder.Write("data_batch_4.bin", [.. Record(1, 9), .. Record(2, 10)]), "expected labels from 0 to 9, got 10 for image 1");
    }

    [Fact]
    public void A_label_that_CIFAR_100_does_not_have_is_told()
    {
        WriteCifar100();
        Refused(_folder.Write("test.bin", [.. Record(1, 0, 99), .. Record(2, 0, 5), .. Record(3, 0, 100)]), "expected labels from 0 to 99, got 100 for image 2");
    }

    private void WriteCifar10(int perFile = 2)
    {
        for (var file = 1; file <= 6; file++)
            _folder.Write(
                file == 6 ? "test_batch.bin" : $"data_batch_{file}.bin",
                [.. Enumerable.Range(0, perFile).SelectMany(i => Record(10 * file + i, (byte)((file + i) % 10)))]);
    }

    private void WriteCifar100()
    {
        _folder.Write("train.bin", [.. Record(1, 0, 1), .. Record(2, 0, 2)]);
        _folder.Write("test.bin", Record(3, 0, 3));
    }

    private void Refused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder.Path));
        Assert.Equal($"{path}: {message}", problem.Message);
    }

    private static byte[] Record(int seed, params byte[] labels) => [.. labels, .. Enumerable.Range(0, 3 * Area).Select(i => Value(seed, i))];

    private static byte Value(int seed, int i) => (byte)((seed * 31 + i * 7 + i / Area * 50) % 256);

    private static void AssertPixels(int seed, Image picture)
    {
        using var image = picture.Decode(32);
        using var bitmap = SKBitmap.FromImage(image);
        Assert.Equal((32, 32), (bitmap.Width, bitmap.Height));
        for (var i = 0; i < Area; i++)
            Assert.Equal(new SKColor(Value(seed, i), Value(seed, Area + i), Value(seed, 2 * Area + i)), bitmap.GetPixel(i % 32, i / 32));
    }
}
