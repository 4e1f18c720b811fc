using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class BatchTests
{
    private static readonly Normalization normalization = new([0.25], [0.5]);
    private static readonly ModelConfig network = new(Core.Stem.Conv7, 32, 32.0 / 28, Grayscale: true, normalization, ["a", "b"]);

    [Fact]
    public void Without_augmentation_an_image_is_centered_and_normalized()
    {
        using var batch = Batch.Decode([CreateImage(0)], network);

        var canvas = batch.Images.data<float>().ToArray();
        for (var y = 0; y < 32; y++)
            for (var x = 0; x < 32; x++)
                Assert.Equal(y is >= 2 and < 30 && x is >= 2 and < 30 ? ComputeNormalized(0, y - 2, x - 2) : -0.5f, canvas[y * 32 + x], 1e-6f);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(4, 4, false)]
    [InlineData(1, 3, true)]
    public void An_image_is_drawn_whole_at_any_offset(int top, int left, bool flipped)
    {
        using var canvas = new Canvas(32, grayscale: true);
        using var image = CreateImage(0).Decode(32);
        canvas.Draw(image, new Crop(-(flipped ? 4 - left : left), -top, 32, 32, flipped));

        var pixels = new byte[32 * 32];
        canvas.Read(0, pixels);
        for (var y = 0; y < 28; y++)
            for (var x = 0; x < 28; x++)
                Assert.Equal(GetPixel(0, y, flipped ? 27 - x : x), pixels[(top + y) * 32 + left + x]);
        Assert.Equal(32 * 32 - 28 * 28, pixels.Count(value => value == 0));
    }

    [Fact]
    public void A_larger_size_enlarges_the_image()
    {
        using var batch = Batch.Decode([CreateImage(0)], network with { Size = 64 });
        using var plain = Batch.Decode([CreateImage(0)], network);
        using var halved = nn.functional.avg_pool2d(batch.Images, 2);

        Assert.Equal([1, 1, 64, 64], batch.Images.shape);
        Assert.Equal(plain.Images.mean().item<float>(), batch.Images.mean().item<float>(), 0.01f);
        Assert.Equal(-0.5f, batch.Images[0, 0, 2, 2].item<float>());
        Assert.True((halved - plain.Images).abs().mean().item<float>() < 0.3);
    }

    [Fact]
    public void A_batch_keeps_the_order_and_repeats_a_grayscale_channel_three_times()
    {
        using var scope = NewDisposeScope();

        var batch = Batch.Decode([CreateImage(4), CreateImage(2)], network);

        var images = batch.To(CPU);
        Assert.Equal([2, 3, 32, 32], images.shape);
        Assert.Equal((2, ScalarType.Float32), (batch.Count, images.dtype));
        Assert.Equal([4L, 2L], batch.Labels.data<long>());
        for (var channel = 0; channel < 3; channel++)
            Assert.Equal(ComputeNormalized(2, 7, 9), images[1, channel, 9, 11].item<float>(), 1e-6f);
    }

    [Fact]
    public void Each_channel_of_a_color_image_has_its_own_normalization()
    {
        using var scope = NewDisposeScope();
        var bytes = Enumerable.Range(0, 3 * 32 * 32).Select(i => (byte)(i / 1024 * 100 + i % 50)).ToArray();
        var config = new ModelConfig(Core.Stem.Conv3, 32, 1, Grayscale: false, new Normalization([0, 0.5, 1], [1, 0.5, 0.25]), ["a", "b"]);

        var batch = Batch.Decode([new MemoryImage(bytes, 32, 0, "image")], config);

        for (var channel = 0; channel < 3; channel++)
            Assert.Equal((bytes[channel * 1024 + 77] / 255f - channel * 0.5f) / (1f / (1 << channel)), batch.To(CPU)[0, channel, 2, 13].item<float>(), 1e-5f);
    }

    [Fact]
    public void Augmentation_moves_images_and_changes_none_of_their_values()
    {
        using var scope = NewDisposeScope();
        var images = Enumerable.Range(0, 5).Select(CreateImage).ToArray();
        var plain = Batch.Decode(images, network).Images;
        var augmented = Batch.Decode(images, network, new Augmentation(Recipe.FashionMnist, seed: 1)).Images;

        Assert.Equal(plain.shape, augmented.shape);
        Assert.False(plain.equal(augmented).all().item<bool>());
        Assert.True(plain.flatten(1).sort(1).Values.equal(augmented.flatten(1).sort(1).Values).all().item<bool>());
    }

    private static float ComputeNormalized(int number, int y, int x) => (GetPixel(number, y, x) / 255f - 0.25f) / 0.5f;

    private static byte GetPixel(int number, int y, int x) => CreatePixels(number)[y * 28 + x];

    /// <summary>All pixels are above 0, so that none looks like background.</summary>
    private static byte[] CreatePixels(int number) => [.. Enumerable.Range(number * 784, 784).Select(i => (byte)(1 + i * 7 % 255))];

    private static MemoryImage CreateImage(int number) => new(CreatePixels(number), 28, number, $"image {number}");
}
