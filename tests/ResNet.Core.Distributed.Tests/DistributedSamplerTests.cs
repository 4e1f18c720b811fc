using System.Runtime.InteropServices;
using System.Security.Cryptography;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests;

public class DistributedSamplerTests
{
    // From PyTorch 1.13: sampler = DistributedSampler(range(n), num_replicas=1, rank=0, seed=seed); sampler.set_epoch(epoch); list(sampler)
    [Theory]
    [InlineData(0, 0, new long[] { 4, 1, 7, 5, 3, 9, 0, 8, 6, 2 })]
    [InlineData(1, 3, new long[] { 0, 4, 9, 6, 7, 3, 2, 8, 1, 5 })]
    [InlineData(42, 7, new long[] { 6, 0, 5, 10, 7, 9, 12, 4, 11, 3, 1, 8, 2 })]
    [InlineData(2147483646, 1, new long[] { 5, 3, 6, 1, 2, 0, 4 })]
    [InlineData(-3, 1, new long[] { 2, 4, 3, 5, 0, 1 })]
    [InlineData(5, 0, new long[] { 0 })]
    public void The_order_matches_PyTorch(int seed, int epoch, long[] order) =>
        Assert.Equal(order, new DistributedSampler(order.Length, order.Length, rank: 0, worldSize: 1, seed).EnumerateEpoch(epoch).Single());

    [Fact]
    public void The_order_of_100_000_elements_matches_PyTorch()
    {
        var order = new DistributedSampler(100_000, 100_000, rank: 0, worldSize: 1, seed: 9).EnumerateEpoch(2).Single();

        // hashlib.sha256(struct.pack("<100000q", *sampler)), with a sampler made as above
        Assert.Equal("b71114dbb5954f5c510066ef9330da6bd1cf21a1b7b05ce1946565a622ff6d85", Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<long>(order))));
    }

    [Theory]
    [InlineData(100, 8, true, true)]
    [InlineData(100, 8, true, false)]
    [InlineData(97, 7, false, true)]
    [InlineData(97, 7, false, false)]
    [InlineData(56, 7, true, false)]
    [InlineData(3, 7, true, false)]
    [InlineData(1, 7, false, false)]
    public void Global_batches_are_the_same_for_any_number_of_ranks(long datasetSize, int globalBatch, bool shuffle, bool drop_last)
    {
        var alone = Shares(1)[0];

        for (var worldSize = 2; worldSize <= 7; worldSize++)
        {
            var shares = Shares(worldSize);
            Assert.All(shares, rank => Assert.Equal(alone.Length, rank.Length));
            for (var step = 0; step < alone.Length; step++)
            {
                Assert.Equal(alone[step], shares.SelectMany(rank => rank[step]));
                var lengths = shares.Select(rank => rank[step].Length);
                Assert.InRange(lengths.Max() - lengths.Min(), 0, 1);
            }
        }

        long[][][] Shares(int worldSize) =>
            [.. Enumerable.Range(0, worldSize).Select(rank =>
            {
                var sampler = new DistributedSampler(datasetSize, globalBatch, rank, worldSize, seed: 3, shuffle, drop_last);
                long[][] shares = [.. sampler.EnumerateEpoch(5)];
                Assert.Equal(sampler.Count, shares.Length);
                return shares;
            })];
    }

    [Fact]
    public void An_epoch_has_each_element_once_except_those_that_are_dropped()
    {
        Assert.Equal(Enumerable.Range(0, 21).Select(i => (long)i), Elements(drop_last: false).Order());
        Assert.Equal(20, Elements(drop_last: true).Distinct().Count());
        Assert.Equal(20, Elements(drop_last: true).Length);

        static long[] Elements(bool drop_last) => [.. new DistributedSampler(21, 5, rank: 0, worldSize: 1, drop_last: drop_last).EnumerateEpoch(0).SelectMany(share => share)];
    }

    [Fact]
    public void A_share_of_a_small_last_batch_may_be_empty() =>
        Assert.Equal([3, 0], new DistributedSampler(11, 10, rank: 0, worldSize: 3, drop_last: false).EnumerateEpoch(0).Select(share => share.Length));

    [Fact]
    public void Without_shuffling_elements_keep_their_order() =>
        Assert.Equal([[2, 3], [6, 7]], new DistributedSampler(9, 4, rank: 1, worldSize: 2, shuffle: false).EnumerateEpoch(8));

    [Fact]
    public void An_epoch_repeats_its_order_and_another_epoch_has_a_different_one()
    {
        var sampler = new DistributedSampler(1000, 100, rank: 1, worldSize: 2, seed: 1);
        var epoch = sampler.EnumerateEpoch(4);

        Assert.Equal(epoch, epoch);
        Assert.Equal(epoch, sampler.EnumerateEpoch(4));
        Assert.NotEqual(epoch, sampler.EnumerateEpoch(5));
    }

    [Fact]
    public void A_dispose_scope_may_end_between_two_steps()
    {
        var sampler = new DistributedSampler(6, 2, rank: 0, worldSize: 1, shuffle: true);
        var shares = new List<long[]>();
        using var steps = sampler.EnumerateEpoch(0).GetEnumerator();
        while (true)
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            if (!steps.MoveNext())
                break;
            shares.Add(steps.Current);
        }

        Assert.Equal(sampler.EnumerateEpoch(0), shares);
    }

    [Fact]
    public void Shuffling_does_not_draw_from_the_default_generator()
    {
        Assert.Equal(Draw(shuffles: false), Draw(shuffles: true));

        static long Draw(bool shuffles)
        {
            manual_seed(11);
            if (shuffles)
                _ = new DistributedSampler(50, 5, rank: 0, worldSize: 1).EnumerateEpoch(0).ToList();
            using var drawn = randint(long.MaxValue, [1], ScalarType.Int64);
            return drawn.item<long>();
        }
    }

    [Theory]
    [InlineData(0, 1, 1, true, "dataset of 1 to")]
    [InlineData(-5, 1, 1, true, "got -5")]
    [InlineData(long.MaxValue, 1, 1, true, "got 9223372036854775807")]
    [InlineData(10, 0, 1, true, "global batch of at least 1 element, got 0")]
    [InlineData(10, 3, 4, true, "each of the 4 ranks, got 3")]
    [InlineData(10, 11, 2, true, "global batch of 11, got a dataset of 10")]
    public void Invalid_sizes_are_refused(long datasetSize, int globalBatch, int worldSize, bool drop_last, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => new DistributedSampler(datasetSize, globalBatch, 0, worldSize, drop_last: drop_last)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_negative_epoch_is_refused_before_enumeration() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DistributedSampler(10, 5, 0, 1).EnumerateEpoch(-1));

    [Fact]
    public void A_null_group_is_refused() => Assert.Throws<ArgumentNullException>(() => new DistributedSampler(10, 5, null!));
}
