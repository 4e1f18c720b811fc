using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class BatchTests
{
    private static readonly Normalization normalization = new([0.25], [0.5]);
    private static readonly ModelConfig network = new(Core.Stem.Conv7, 32, 32.0 / 28, Grayscale: true, normalization, ["a", "b"]);

    [Fact]
    public void Without_augmentation_a_picture_lies_in_the_middle_normalised()
    {
        using var batch = Batch.Decode([Image(0)], network);

        var canvas = batch.Images.data<float>().ToArray();
        for (var y = 0; y < 32; y++)
            for (var x = 0; x < 32; x++)
                Assert.Equal(y is >= 2 and < 30 && x is >= 2 and < 30 ? Normalised(0, y - 2, x - 2) : -0.5f, canvas[y * 32 + x], 1e-6f);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(4, 4, false)]
    [InlineData(1, 3, true)]
    public void A_picture_is_drawn_whole_wherever_it_lies(int top, int left, bool flipped)
    {
        using var canvas = new Canvas(32, grayscale: true);
        using var image = Image(0).Decode(32);
        canvas.Draw(image, new Crop(-(flipped ? 4 - left : left), -top, 32, 32, flipped));

        var pixels = new byte[32 * 32];
        canvas.Read(0, pixels);
        for (var y = 0; y < 28; y++)
            for (var x = 0; x < 28; x++)
                Assert.Equal(Pixel(0, y, flipped ? 27 - x : x), pixels[(top + y) * 32 + left + x]);
        Assert.Equal(32 * 32 - 28 * 28, pixels.Count(value => value == 0));
    }

    [Fact]
    public void A_larger_size_enlarges_the_picture()
    {
        using var batch = Batch.Decode([Image(0)], network with { Size = 64 });
        using var plain = Batch.Decode([Image(0)], network);
        using var halved = nn.functional.avg_pool2d(batch.Images, 2);

        Assert.Equal([1, 1, 64, 64], batch.Images.shape);
        Assert.Equal(plain.Images.mean().item<float>(), batch.Images.mean().item<float>(), 0.01f);
        Assert.Equal(-0.5f, batch.Images[0, 0, 2, 2].item<float>());
        Assert.True((halved - plain.Images).abs().mean().item<float>() < 0.3);
    }

    [Fact]
    public void A_batch_has_its_pictures_and_labels_in_their_order_and_grey_ones_in_three_equal_channels()
    {
        using var scope = NewDisposeScope();

        var batch = Batch.Decode([Image(4), Image(2)], network);

        var images = batch.To(CPU);
        Assert.Equal([2, 3, 32, 32], images.shape);
        Assert.Equal((2, ScalarType.Float32), (batch.Count, images.dtype));
        Assert.Equal([4L, 2L], batch.Labels.data<long>());
        for (var channel = 0; channel < 3; channel++)
            Assert.Equal(Normalised(2, 7, 9), images[1, channel, 9, 11].item<float>(), 1e-6f);
    }

    [Fact]
    public void Each_channel_of_a_colour_picture_has_its_own_normalisation()
    {
        using var scope = NewDisposeScope();
        var bytes = Enumerable.Range(0, 3 * 32 * 32).Select(i => (byte)(i / 1024 * 100 + i % 50)).ToArray();
        var colours = new ModelConfig(Core.Stem.Conv3, 32, 1, Grayscale: false, new Normalization([0, 0.5, 1], [1, 0.5, 0.25]), ["a", "b"]);

        var batch = Batch.Decode([new MemoryImage(bytes, 32, 0, "picture")], colours);

        for (var channel = 0; channel < 3; channel++)
            Assert.Equal((bytes[channel * 1024 + 77] / 255f - channel * 0.5f) / (1f / (1 << channel)), batch.To(CPU)[0, channel, 2, 13].item<float>(), 1e-5f);
    }

    [Fact]
    public void Augmentation_moves_pictures_and_changes_none_of_their_values()
    {
        using var scope = NewDisposeScope();
        var pictures = Enumerable.Range(0, 5).Select(Image).ToArray();
        var plain = Batch.Decode(pictures, network).Images;
        var augmented = Batch.Decode(pictures, network, new Augmentation(Recipe.FashionMnist, seed: 1)).Images;

        Assert.Equal(plain.shape, augmented.shape);
        Assert.False(plain.equal(augmented).all().item<bool>());
        Assert.True(plain.flatten(1).sort(1).Values.equal(augmented.flatten(1).sort(1).Values).all().item<bool>());
    }

    private static float Normalised(int picture, int y, int x) => (Pixel(picture, y, x) / 255f - 0.25f) / 0.5f;

    private static byte Pixel(int picture, int y, int x) => Bytes(picture)[y * 28 + x];

    /// <summary>Every pixel above 0, so that none is taken for background.</summary>
    private static byte[] Bytes(int picture) => [.. Enumerable.Range(picture * 784, 784).Select(i => (byte)(1 + i * 7 % 255))];

    private static MemoryImage Image(int number) => new(Bytes(number), 28, number, $"picture {number}");
}
