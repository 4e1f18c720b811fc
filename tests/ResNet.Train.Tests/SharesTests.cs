using ResNet.Core;
using SkiaSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train.Tests;

/// <summary>What each rank makes of a batch, put together, is the batch of one process.</summary>
public sealed class SharesTests : IDisposable
{
    private static readonly Recipe recipe = Recipe.Photographs with { Size = 16, BatchSize = 9, RandomErase = 0.5 };

    private readonly TempFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 3)]
    [InlineData(7, 1)]
    [InlineData(64, 4)]
    [InlineData(1_200_001, 1024)]
    public void Shares_are_contiguous_and_differ_by_one_at_most(int length, int ranks)
    {
        var shares = Enumerable.Range(0, ranks).Select(rank => new Share(rank, ranks).FindRange(length)).ToList();

        Assert.Equal((0, length), (shares[0].Start.Value, shares[^1].End.Value));
        Assert.All(shares.Zip(shares.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
        Assert.All(shares, share => Assert.InRange(share.End.Value - share.Start.Value, length / ranks, (length + ranks - 1) / ranks));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Images_and_their_augmentation_are_the_same_on_however_many_ranks(int ranks)
    {
        using var scope = NewDisposeScope();
        var (pictures, network) = Set();

        var whole = new TrainingBatches(pictures, network, recipe, seed: 1).LoadEpoch(2).ToArray();
        var parts = Enumerable.Range(0, ranks).Select(rank => new TrainingBatches(pictures, network, recipe, seed: 1, new Share(rank, ranks)).LoadEpoch(2).ToArray()).ToArray();

        Assert.All(parts, part => Assert.Equal(whole.Length, part.Length));
        foreach (var (step, batch) in whole.Index())
        {
            Assert.Equal(batch.Labels.data<long>(), cat(parts.Select(part => part[step].Labels).ToArray()).data<long>());
            Assert.True(batch.Images.bytes.SequenceEqual(cat(parts.Select(part => part[step].Images).ToArray()).bytes), $"step {step}");
            Assert.All(parts, part => Assert.Equal(batch.Count, part[step].CountOfAll));
            Assert.Equal(1, parts.Sum(part => part[step].Weight), 1e-12);
        }
        Assert.All(whole, batch => Assert.Equal((batch.Count, 1.0), (batch.CountOfAll, batch.Weight)));
    }

    /// <summary>With classes that count differently and with smoothed labels too: the loss divides by what the images of the batch count.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Averaged_over_the_ranks_the_gradient_is_that_of_the_mean_loss_of_all_images(bool balanced)
    {
        using var scope = NewDisposeScope();
        const int ranks = 3;
        var (pictures, network) = Set();
        double[]? classWeights = balanced ? [0.4, 2.5] : null;
        var weight = randn([2, 16 * 16], ScalarType.Float64, requires_grad: true);

        var (loss, gradient) = Learn(new TrainingBatches(pictures, network, recipe, seed: 1, Share.Whole, classWeights), of: 1);
        var parts = Enumerable.Range(0, ranks).Select(rank => Learn(new TrainingBatches(pictures, network, recipe, seed: 1, new Share(rank, ranks), classWeights), ranks)).ToArray();

        Assert.Equal(loss, parts.Sum(part => part.Loss), 1e-12);
        Assert.InRange((gradient - parts.Select(part => part.Gradient).Aggregate((a, b) => a + b) / ranks).abs().max().item<double>(), 0, 1e-12);

        // As Learner does it
        (double Loss, Tensor Gradient) Learn(TrainingBatches batches, int of)
        {
            var batch = batches.LoadEpoch(1).First();
            var logits = batch.Images[.., 0].flatten(1).to(ScalarType.Float64).matmul(weight.t());
            var loss = F.cross_entropy(logits, batch.Labels, weight: classWeights is null ? null : tensor(classWeights), label_smoothing: 0.1);
            weight.grad?.zero_();
            (loss * (batch.Weight * of)).backward();
            return (loss.item<double>() * batch.Weight, weight.grad!.clone());
        }
    }

    [Fact]
    public void Where_the_images_are_few_the_smallest_batch_is_told() =>
        Assert.Equal((3, 6), (new TrainingBatches(Set().Images, Set().Network, recipe, seed: 1) is var batches ? (batches.Count, batches.LeastSize) : default));

    /// <summary>Of several sizes, so that an augmentation draws more numbers for one than for another.</summary>
    private (IReadOnlyList<Image> Images, ModelConfig Network) Set()
    {
        var pictures = Enumerable.Range(0, 20).Select(i => new FileImage(
            TestImages.Write(_files, $"{i}.png", new SKColor((byte)(10 * i), 100, (byte)(255 - 10 * i)), SKEncodedImageFormat.Png, 20 + 17 * (i % 7), 200 - 9 * i), i % 3 == 0 ? 1 : 0)).ToArray();
        Assert.Empty(DatasetScan.Scan(pictures, recipe.Size, recipe.CropRatio, grayscale: false, () => { }, CancellationToken.None).Broken); // which measures them
        return (pictures, new ModelConfig(Stem.Conv7, recipe.Size, recipe.CropRatio, Grayscale: false, new Normalization([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]), ["a", "b"]));
    }
}
