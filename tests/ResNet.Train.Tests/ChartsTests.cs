using System.Buffers.Binary;

namespace ResNet.Train.Tests;

public sealed class ChartsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public void Learning_curves_are_a_picture(int epochs) => IsPng(1200, 500, Charts.DrawLearningCurves(
        [.. Enumerable.Range(1, epochs).Select(i => new Epoch(i, 1.0 / i, 0.5, 1.1 / i, 0.4, 200))]));

    [Fact]
    public void A_confusion_matrix_is_a_picture_even_where_a_class_has_no_images()
    {
        var confusion = new int[10, 10];
        confusion[3, 3] = 5;
        confusion[4, 3] = 1;

        IsPng(900, 900, Charts.DrawConfusion(new Evaluation(1, confusion, []), Mnist.FashionClasses));
    }

    private static void IsPng(int width, int height, byte[] picture)
    {
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], picture[..4]);
        Assert.Equal((width, height), (BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(20))));
        Assert.InRange(picture.Length, 5_000, 1_000_000);
    }
}
