using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Degradation.Tests;

public sealed class TrainingTests : IDisposable
{
    private readonly TempFolder _data = new();

    public TrainingTests() => Idx.WriteSet(_data);

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Images_are_normalized_and_small_images_are_means()
    {
        using var scope = NewDisposeScope();
        var source = new IdxImages([.. Enumerable.Range(0, 50 * IdxSet.Area).Select(i => (byte)(i * 37 % 251))], [.. Enumerable.Range(0, 50).Select(i => (byte)(i % 10))]);
        using var large = new ImageSet(source, 28, CPU);
        using var small = new ImageSet(source, 14, CPU);

        var (images, labels) = large.Select([37, 5]);
        Assert.Equal([2, 1, 28, 28], images.shape);
        Assert.Equal([7L, 5L], labels.data<long>());
        Assert.Equal((source.Pixels[37 * IdxSet.Area + 18 * 28] / 255f - ImageSet.Mean) / ImageSet.StandardDeviation, images[0, 0, 18, 0].item<float>(), 1e-5f);

        var (means, _) = small.Select([37, 5]);
        Assert.Equal([2, 1, 14, 14], means.shape);
        var blocks = images.reshape(2, 14, 2, 14, 2);
        Assert.True(blocks.mean([2, 4]).allclose(means[.., 0], atol: 1e-5));
    }

    [Fact]
    public void The_same_seed_gives_the_same_losses_after_other_trainings_and_another_seed_gives_others()
    {
        var losses = Train(epochs: 1, 1, 1, 2);

        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0][0], losses[2][0]);
    }

    [Fact]
    public void A_network_learns_and_no_tensor_leaks()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var losses = Train(epochs: 4, 1)[0];

        Assert.Equal(4, losses.Length);
        Assert.True(losses[^1] < losses[0] - 0.5, string.Join(", ", losses));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void The_learning_rate_rises_and_is_divided_by_ten_twice()
    {
        var rates = Enumerable.Range(0, 1000).Select(step => Schedule.ComputeLearningRate(step, 1000, 0.1)).ToArray();

        Assert.Equal(rates[..50].Order(), rates[..50]);
        Assert.InRange(rates[0], double.Epsilon, 0.002);
        Assert.All(rates[50..500], rate => Assert.Equal(0.1, rate, 1e-12));
        Assert.All(rates[500..750], rate => Assert.Equal(0.01, rate, 1e-12));
        Assert.All(rates[750..], rate => Assert.Equal(0.001, rate, 1e-12));
    }

    /// <summary>Returns the losses by epoch for each seed.</summary>
    private double[][] Train(int epochs, params int[] seeds)
    {
        var data = IdxSet.Read(_data.Path);
        using var training = new ImageSet(data.Training, 14, CPU);
        using var test = new ImageSet(data.Test, 14, CPU);
        var trainer = new Trainer(training, test, new Settings(Variant.All, _data.Path, epochs, 16, 0.1, 14, 1, "cpu", ""), CPU);
        return [.. seeds.Select(seed => trainer.Train(Variant.All[2], seed, stepDone: _ => { }, CancellationToken.None).Select(epoch => epoch.TrainingLoss).ToArray())];
    }
}
