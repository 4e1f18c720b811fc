using ResNet.Core;
using SkiaSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train.Tests;

/// <summary>The ranks' shares of a batch add up to the batch of one process.</summary>
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
    public void Shares_are_contiguous_and_their_lengths_differ_by_one_at_most(int length, int ranks)
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
    public void Images_and_augmentation_do_not_depend_on_the_number_of_ranks(int ranks)
    {
        using var scope = NewDisposeScope();
        var (images, network) = CreateDataset();

        var whole = new TrainingBatches(images, network, recipe, seed: 1).LoadEpoch(2).ToArray();
        var parts = Enumerable.Range(0, ranks).Select(rank => new TrainingBatches(images, network, recipe, seed: 1, new Share(rank, ranks)).LoadEpoch(2).ToArray()).ToArray();

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

    /// <summary>With class weights and label smoothing too: the loss is divided by the weights of the batch's images.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_mean_of_the_ranks_gradients_is_the_gradient_of_all_images(bool balanced)
    {
        using var scope = NewDisposeScope();
        const int ranks = 3;
        var (images, network) = CreateDataset();
        double[]? classWeights = balanced ? [0.4, 2.5] : null;
        var weight = randn([2, 16 * 16], ScalarType.Float64, requires_grad: true);

        var (loss, gradient) = ComputeGradient(new TrainingBatches(images, network, recipe, seed: 1, Share.Whole, classWeights), of: 1);
        var parts = Enumerable.Range(0, ranks).Select(rank => ComputeGradient(new TrainingBatches(images, network, recipe, seed: 1, new Share(rank, ranks), classWeights), ranks)).ToArray();

        Assert.Equal(loss, parts.Sum(part => part.Loss), 1e-12);
        Assert.InRange((gradient - parts.Select(part => part.Gradient).Aggregate((a, b) => a + b) / ranks).abs().max().item<double>(), 0, 1e-12);

        // As Learner does
        (double Loss, Tensor Gradient) ComputeGradient(TrainingBatches batches, int of)
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
    public void LeastSize_is_the_size_of_the_smallest_batch() =>
        Assert.Equal((3, 6), (new TrainingBatches(CreateDataset().Images, CreateDataset().Network, recipe, seed: 1) is var batches ? (batches.Count, batches.LeastSize) : default));

    /// <summary>Creates images of several sizes, so that augmentation draws more random numbers for some than for others.</summary>
    private (IReadOnlyList<Image> Images, ModelConfig Network) CreateDataset()
    {
        var images = Enumerable.Range(0, 20).Select(i => new FileImage(
            TestImages.Write(_files, $"{i}.png", new SKColor((byte)(10 * i), 100, (byte)(255 - 10 * i)), SKEncodedImageFormat.Png, 20 + 17 * (i % 7), 200 - 9 * i), i % 3 == 0 ? 1 : 0)).ToArray();
        Assert.Empty(DatasetScan.Scan(images, recipe.Size, recipe.CropRatio, grayscale: false, () => { }, CancellationToken.None).Broken); // the scan measures the images
        return (images, new ModelConfig(Stem.Conv7, recipe.Size, recipe.CropRatio, Grayscale: false, new Normalization([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]), ["a", "b"]));
    }
}
