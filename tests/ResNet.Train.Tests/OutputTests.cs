using System.Buffers.Binary;
using Tensorboard;

namespace ResNet.Train.Tests;

/// <summary>The log for TensorBoard, and the sheet of misclassified images.</summary>
public sealed class OutputTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_TensorBoard_log_has_every_number_of_every_epoch()
    {
        var log = new TensorBoardLog(_folder.Path);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        log.Add(new Epoch(1, 0.5, 0.6, 0.7, 0.8, 100));
        log.Add(new Epoch(2, 0.25, 0.7, 0.5, 0.9, 200));

        var found = ReadRecords(File.ReadAllBytes(Assert.Single(Directory.GetFiles(_folder.Path))))
            .Where(record => record.Summary is not null)
            .SelectMany(record => record.Summary.Value.Select(value => (record.Step, value.Tag, value.SimpleValue)));
        Assert.Equal(
            [
                (1L, "loss/training", 0.5f), (1, "loss/validation", 0.7f), (1, "accuracy/training", 0.6f), (1, "accuracy/validation", 0.8f), (1, "images_per_second", 100),
                (2, "loss/training", 0.25f), (2, "loss/validation", 0.5f), (2, "accuracy/training", 0.7f), (2, "accuracy/validation", 0.9f), (2, "images_per_second", 200),
            ],
            found);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(50)]
    public void The_sheet_grows_with_the_misclassified_images_up_to_forty(int wrong)
    {
        var network = new ModelConfig(Core.Stem.Conv7, 32, 32.0 / 28, Grayscale: true, new Normalization([0.3], [0.3]), ["a", "b"]);
        var predictions = Enumerable.Range(0, 60).Select(i => new Prediction(new MemoryImage(new byte[784], 28, i < wrong ? 0 : 1, "image"), 1, i / 60.0)).ToArray();

        var png = MisclassifiedSheet.Draw(new Evaluation(0, new int[2, 2], predictions), network);

        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        var rows = Math.Clamp((wrong + 7) / 8, 1, 5);
        Assert.Equal((1004, 12 + 156 * rows), (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20))));
    }

    [Fact]
    public void The_sheet_shows_misclassified_images_only_and_the_most_confident_first()
    {
        // The gray value identifies an image in the sheet.
        MemoryImage CreateImage(byte gray, int label) => new(Enumerable.Repeat(gray, 784).ToArray(), 28, label, "image");
        var network = new ModelConfig(Core.Stem.Conv7, 28, 1, Grayscale: true, new Normalization([0.3], [0.3]), ["a", "b"]);
        Prediction[] predictions = [new(CreateImage(60, 0), 1, 0.6), new(CreateImage(90, 1), 1, 0.99), new(CreateImage(120, 0), 1, 0.9), new(CreateImage(150, 1), 0, 0.7)];

        using var sheet = SkiaSharp.SKBitmap.Decode(MisclassifiedSheet.Draw(new Evaluation(0, new int[2, 2], predictions), network));

        Assert.Equal([120, 150, 60, 255], Enumerable.Range(0, 4).Select(i => sheet.GetPixel(12 + 124 * i + 56, 12 + 56).Red));
    }

    /// <summary>Reads TFRecord's framing: the length, its checksum, the content, its checksum.</summary>
    private static IEnumerable<Event> ReadRecords(byte[] file)
    {
        for (var position = 0; position < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(position));
            yield return Event.Parser.ParseFrom(file[(position + 12)..(position + 12 + length)]);
            position += 12 + length + 4;
        }
    }
}
