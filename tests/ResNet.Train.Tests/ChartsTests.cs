using System.Buffers.Binary;

namespace ResNet.Train.Tests;

public sealed class ChartsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public void Learning_curves_are_drawn_as_a_PNG(int epochs) => AssertPng(1200, 500, Charts.DrawLearningCurves(
        [.. Enumerable.Range(1, epochs).Select(i => new Epoch(i, 1.0 / i, 0.5, 1.1 / i, 0.4, 200))]));

    [Fact]
    public void A_confusion_matrix_is_drawn_even_if_a_class_has_no_images()
    {
        var confusion = new int[10, 10];
        confusion[3, 3] = 5;
        confusion[4, 3] = 1;

        AssertPng(900, 900, Charts.DrawConfusion(new Evaluation(1, confusion, []), Mnist.FashionClasses));
    }

    private static void AssertPng(int width, int height, byte[] png)
    {
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        Assert.Equal((width, height), (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20))));
        Assert.InRange(png.Length, 5_000, 1_000_000);
    }
}
