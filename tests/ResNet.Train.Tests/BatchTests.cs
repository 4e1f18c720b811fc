using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class BatchTests
{
    private const float Background = -FashionMnist.Mean / FashionMnist.StandardDeviation;

    [Fact]
    public void Without_augmentation_a_picture_lies_in_the_middle()
    {
        var canvas = Draw(Placement.Middle);

        for (var y = 0; y < 32; y++)
            for (var x = 0; x < 32; x++)
                Assert.Equal(y is >= 2 and < 30 && x is >= 2 and < 30 ? Normalised(y - 2, x - 2) : Background, canvas[y * 32 + x], 1e-6f);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(4, 4, false)]
    [InlineData(1, 3, true)]
    public void A_picture_is_drawn_whole_wherever_it_lies(int top, int left, bool flipped)
    {
        var canvas = Draw(new Placement(top, left, flipped));

        for (var y = 0; y < 28; y++)
            for (var x = 0; x < 28; x++)
                Assert.Equal(Normalised(y, flipped ? 27 - x : x), canvas[(top + y) * 32 + left + x], 1e-6f);
        Assert.Equal(32 * 32 - 28 * 28, canvas.Count(value => value == Background));
    }

    [Fact]
    public void Every_placement_comes_up_and_no_other()
    {
        var random = new Random(1);
        var placements = Enumerable.Range(0, 2000).Select(_ => Placement.Random(random)).ToHashSet();

        Assert.Equal(5 * 5 * 2, placements.Count);
        Assert.All(placements, p => Assert.True(p is { Top: >= 0 and <= 4, Left: >= 0 and <= 4 }));
    }

    [Fact]
    public void A_batch_has_the_pictures_and_labels_of_its_indices_in_three_equal_channels()
    {
        using var scope = NewDisposeScope();
        var pictures = Pictures();

        var batch = Batch.Of(pictures, [4, 2], CPU);

        Assert.Equal([2, 3, 32, 32], batch.Images.shape);
        Assert.Equal(ScalarType.Float32, batch.Images.dtype);
        Assert.Equal([4L, 2L], batch.Labels.data<long>());
        var canvas = new float[Canvas.Size];
        Canvas.Draw(pictures[2], canvas, Placement.Middle);
        for (var channel = 0; channel < 3; channel++)
            Assert.Equal(canvas, batch.Images[1, channel].contiguous().data<float>());
    }

    [Fact]
    public void Augmentation_moves_pictures_and_changes_none_of_their_values()
    {
        using var scope = NewDisposeScope();
        var plain = Batch.Of(Pictures(), [0, 1, 2, 3, 4], CPU).Images;
        var augmented = Batch.Of(Pictures(), [0, 1, 2, 3, 4], CPU, new Random(1)).Images;

        Assert.Equal(plain.shape, augmented.shape);
        Assert.False(plain.equal(augmented).all().item<bool>());
        Assert.True(plain.flatten(1).sort(1).Values.equal(augmented.flatten(1).sort(1).Values).all().item<bool>());
    }

    [Fact]
    public void The_same_seed_gives_the_same_batch_and_another_seed_another()
    {
        using var scope = NewDisposeScope();
        Tensor Augmented(int seed) => Batch.Of(Pictures(), [0, 1, 2, 3, 4], CPU, new Random(seed)).Images;

        Assert.True(Augmented(1).equal(Augmented(1)).all().item<bool>());
        Assert.False(Augmented(1).equal(Augmented(2)).all().item<bool>());
    }

    private static float[] Draw(Placement placement)
    {
        var canvas = new float[Canvas.Size];
        Canvas.Draw(Pictures()[0], canvas, placement);
        return canvas;
    }

    private static float Normalised(int y, int x) => (Pictures()[0][y * 28 + x] / 255f - FashionMnist.Mean) / FashionMnist.StandardDeviation;

    /// <summary>Every pixel above 0, so that none is taken for background.</summary>
    private static Pictures Pictures() => new([.. Enumerable.Range(0, 5 * 28 * 28).Select(i => (byte)(1 + i * 7 % 255))], [0, 1, 2, 3, 4]);
}
