using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>
/// Selects the elements of a dataset that each rank takes in each step. Like PyTorch's <c>DistributedSampler</c>, it shuffles with <c>torch.randperm</c>, seeded with
/// <c>seed + epoch</c>. Unlike PyTorch, it splits batches instead of the dataset: the global batch of a step is the same for any number of ranks, so training can
/// resume with fewer or more of them.
/// </summary>
/// <remarks>
/// A rank's share is a contiguous part of the global batch. The sizes of the shares differ by at most one. If they differ, or if the last global batch is smaller,
/// the mean of the ranks' mean losses is not the mean over the batch. Multiply a rank's mean loss by <c>share.Length * WorldSize / (double)batchSize</c>, where
/// <c>batchSize</c> is the size of the global batch, <c>Math.Min(globalBatch, datasetSize - step * (long)globalBatch)</c>.
/// </remarks>
public sealed class DistributedSampler
{
    private readonly long _datasetSize;
    private readonly int _globalBatch, _rank, _worldSize, _seed;
    private readonly bool _shuffle;

    /// <summary>Creates a sampler. All ranks must pass the same arguments.</summary>
    /// <param name="datasetSize">The number of elements in the dataset, at least 1.</param>
    /// <param name="globalBatch">The number of elements per step of all ranks together, at least the number of ranks.</param>
    /// <param name="group">The process group.</param>
    /// <param name="seed">The seed of the order. The epoch is added to it.</param>
    /// <param name="shuffle">Whether to shuffle the dataset in each epoch. Otherwise elements keep their order.</param>
    /// <param name="drop_last">
    /// Whether to drop an incomplete last global batch. If false, each element comes exactly once per epoch, as an evaluation needs, and a rank's share of the last
    /// step may be empty. In training, that rank must still run its step, since the others wait for it: use an empty batch and the sum of the outputs as its loss.
    /// </param>
    /// <exception cref="ArgumentException">A size is out of range, or <paramref name="drop_last"/> would leave nothing.</exception>
    public DistributedSampler(long datasetSize, int globalBatch, ProcessGroup group, int seed = 0, bool shuffle = true, bool drop_last = true)
        : this(datasetSize, globalBatch, ExpectNotNull(group).Rank, group.WorldSize, seed, shuffle, drop_last)
    {
    }

    internal DistributedSampler(long datasetSize, int globalBatch, int rank, int worldSize, int seed = 0, bool shuffle = true, bool drop_last = true)
    {
        if (datasetSize < 1 || datasetSize > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(datasetSize), datasetSize, $"expected a dataset of 1 to {Array.MaxLength} elements, got {datasetSize}");
        if (globalBatch < 1)
            throw new ArgumentOutOfRangeException(nameof(globalBatch), globalBatch, $"expected a global batch of at least 1 element, got {globalBatch}");
        if (globalBatch < worldSize)
            throw new ArgumentOutOfRangeException(nameof(globalBatch), globalBatch, $"expected a global batch of at least one element for each of the {worldSize} ranks, got {globalBatch}");
        if (drop_last && datasetSize < globalBatch)
            throw new ArgumentException($"expected at least one global batch of {globalBatch}, got a dataset of {datasetSize}, of which drop_last leaves nothing", nameof(datasetSize));
        (_datasetSize, _globalBatch, _rank, _worldSize, _seed, _shuffle) = (datasetSize, globalBatch, rank, worldSize, seed, shuffle);
        Count = (int)(drop_last ? datasetSize / globalBatch : (datasetSize - 1) / globalBatch + 1);
    }

    /// <summary>The number of steps per epoch, the same on every rank.</summary>
    public int Count { get; }

    /// <summary>Enumerates this rank's share of each global batch in an epoch.</summary>
    /// <param name="epoch">The epoch, from 0. The same epoch always has the same order.</param>
    /// <returns><see cref="Count"/> arrays of indices into the dataset, created lazily.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epoch"/> is negative.</exception>
    public IEnumerable<long[]> EnumerateEpoch(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return EnumerateShares(epoch);
    }

    private IEnumerable<long[]> EnumerateShares(int epoch)
    {
        var order = _shuffle ? Permute(_datasetSize, (long)_seed + epoch) : null;
        for (var step = 0; step < Count; step++)
        {
            var first = step * (long)_globalBatch;
            var size = Math.Min(_globalBatch, _datasetSize - first);
            var (start, end) = (first + size * _rank / _worldSize, first + size * (_rank + 1) / _worldSize);
            var share = new long[end - start];
            for (var i = 0; i < share.Length; i++)
                share[i] = order is null ? start + i : order[start + i];
            yield return share;
        }
    }

    // An array instead of a tensor, since a dispose scope of the training loop may end between two steps.
    private static long[] Permute(long count, long seed)
    {
        // A separate generator, so that the random numbers of the model do not change.
        using var generator = new Generator(unchecked((ulong)seed));
        using var permutation = randperm(count, ScalarType.Int64, CPU, generator: generator);
        return permutation.data<long>().ToArray();
    }

    private static ProcessGroup ExpectNotNull(ProcessGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group;
    }
}
