using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class CifarSetTests : IDisposable
{
    private const int Area = 32 * 32;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Five_files_hold_CIFAR_10s_training_images_and_one_its_test_images()
    {
        WriteCifar10(perFile: 4);

        var data = DataSet.Load(_folder.Path);

        Assert.False(data.Grayscale);
        Assert.Same(Recipe.Cifar, data.Defaults);
        Assert.Equal(2, data.Validation.Count);
        Assert.Equal(18, data.Training.Count);
        var labels = data.Training.Concat(data.Validation).ToDictionary(image => image.Name, image => image.Label);
        Assert.Equal(20, labels.Count);
        for (var file = 1; file <= 5; file++)
            for (var i = 0; i < 4; i++)
                Assert.Equal((file + i) % 10, labels[$"data_batch_{file}.bin {i}"]);
        Assert.Equal(["test_batch.bin 0", "test_batch.bin 1", "test_batch.bin 2", "test_batch.bin 3"], data.Test.Select(image => image.Name));
        Assert.Equal([6, 7, 8, 9], data.Test.Select(image => image.Label));
    }

    [Fact]
    public void The_fine_label_is_CIFAR_100s_class()
    {
        _folder.Write("train.bin", [.. Enumerable.Range(0, 30).SelectMany(i => CreateRecord(i, (byte)(i % 20), (byte)(99 - i)))]);
        _folder.Write("test.bin", [.. CreateRecord(40, 1, 77), .. CreateRecord(41, 2, 0)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(100, data.Classes.Count);
        Assert.Empty(data.Validation); // no class has two images
        Assert.Equal(Enumerable.Range(70, 30), data.Training.Concat(data.Validation).Select(image => image.Label).Order());
        Assert.Equal([77, 0], data.Test.Select(image => image.Label));
        AssertPixels(40, data.Test[0]);
        AssertPixels(41, data.Test[1]);
        Assert.All(data.Training, image => AssertPixels(99 - image.Label, image));
    }

    [Fact]
    public void The_planes_are_red_green_and_blue()
    {
        WriteCifar10(perFile: 4);

        var data = DataSet.Load(_folder.Path);

        for (var i = 0; i < 4; i++)
            AssertPixels(60 + i, data.Test[i]);
        foreach (var image in data.Training.Concat(data.Validation))
            AssertPixels(10 * (image.Name["data_batch_".Length] - '0') + (image.Name[^1] - '0'), image);
    }

    [Fact]
    public void CIFAR_10s_class_names_come_from_a_file_beside_it()
    {
        string[] names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
        WriteCifar10();
        File.WriteAllText(_folder["batches.meta.txt"], string.Join("\n", names) + "\n\n"); // the original ends with an empty line
        Assert.Equal(names, DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void CIFAR_100s_class_names_come_from_a_file_beside_it()
    {
        var names = Enumerable.Range(0, 100).Select(i => $"class {i}").ToArray();
        WriteCifar100();
        File.WriteAllText(_folder["fine_label_names.txt"], string.Join("\r\n", names));
        Assert.Equal(names, DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void Without_a_file_of_names_the_classes_are_numbered()
    {
        WriteCifar10();
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void With_a_wrong_number_of_names_the_classes_are_numbered()
    {
        WriteCifar100();
        File.WriteAllText(_folder["fine_label_names.txt"], "apple\nbear\n");
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), DataSet.Load(_folder.Path).Classes);
    }

    [Theory]
    [InlineData("data_batch_2.bin")]
    [InlineData("data_batch_5.bin")]
    [InlineData("test_batch.bin")]
    public void A_missing_file_is_refused(string name)
    {
        WriteCifar10();
        File.Delete(_folder[name]);
        AssertRefused(_folder.Path, $"expected a file {name}, found none");
    }

    [Fact]
    public void A_missing_test_file_of_CIFAR_100_is_refused()
    {
        WriteCifar100();
        File.Delete(_folder["test.bin"]);
        AssertRefused(_folder.Path, "expected a file test.bin, found none");
    }

    [Theory]
    [InlineData(3072)]
    [InlineData(3074)]
    [InlineData(2 * 3073 - 1)]
    public void An_incomplete_record_of_CIFAR_10_is_refused(int length)
    {
        WriteCifar10();
        AssertRefused(_folder.Write("data_batch_3.bin", new byte[length]), $"expected records of 3073 bytes, 1 label and 3x32x32 pixels, got {length} bytes");
    }

    [Fact]
    public void An_incomplete_record_of_CIFAR_100_is_refused()
    {
        WriteCifar100();
        AssertRefused(_folder.Write("test.bin", new byte[3073]), "expected records of 3074 bytes, 2 labels and 3x32x32 pixels, got 3073 bytes");
    }

    [Fact]
    public void A_label_that_CIFAR_10_lacks_is_refused()
    {
        WriteCifar10();
        AssertRefused(_folder.Write("data_batch_4.bin", [.. CreateRecord(1, 9), .. CreateRecord(2, 10)]), "expected labels from 0 to 9, got 10 for image 1");
    }

    [Fact]
    public void A_label_that_CIFAR_100_lacks_is_refused()
    {
        WriteCifar100();
        AssertRefused(_folder.Write("test.bin", [.. CreateRecord(1, 0, 99), .. CreateRecord(2, 0, 5), .. CreateRecord(3, 0, 100)]), "expected labels from 0 to 99, got 100 for image 2");
    }

    private void WriteCifar10(int perFile = 2)
    {
        for (var file = 1; file <= 6; file++)
            _folder.Write(
                file == 6 ? "test_batch.bin" : $"data_batch_{file}.bin",
                [.. Enumerable.Range(0, perFile).SelectMany(i => CreateRecord(10 * file + i, (byte)((file + i) % 10)))]);
    }

    private void WriteCifar100()
    {
        _folder.Write("train.bin", [.. CreateRecord(1, 0, 1), .. CreateRecord(2, 0, 2)]);
        _folder.Write("test.bin", CreateRecord(3, 0, 3));
    }

    private void AssertRefused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder.Path));
        Assert.Equal($"{path}: {message}", problem.Message);
    }

    private static byte[] CreateRecord(int seed, params byte[] labels) => [.. labels, .. Enumerable.Range(0, 3 * Area).Select(i => ComputeValue(seed, i))];

    private static byte ComputeValue(int seed, int i) => (byte)((seed * 31 + i * 7 + i / Area * 50) % 256);

    private static void AssertPixels(int seed, Image image)
    {
        using var decoded = image.Decode(32);
        using var bitmap = SKBitmap.FromImage(decoded);
        Assert.Equal((32, 32), (bitmap.Width, bitmap.Height));
        for (var i = 0; i < Area; i++)
            Assert.Equal(new SKColor(ComputeValue(seed, i), ComputeValue(seed, Area + i), ComputeValue(seed, 2 * Area + i)), bitmap.GetPixel(i % 32, i / 32));
    }
}
