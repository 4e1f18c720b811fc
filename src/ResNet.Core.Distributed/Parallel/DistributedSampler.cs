using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>
/// Says which elements of a data set each rank takes in each step. As PyTorch's <c>DistributedSampler</c> it orders them by
/// <c>torch.randperm</c>, seeded with <c>seed + epoch</c>; but it shares out batches, not the data set. What all ranks together see in a
/// step, the global batch, is therefore the same for any number of ranks, and a training can go on with fewer or more of them.
/// </summary>
/// <remarks>
/// A rank's share is a contiguous part of the global batch, and shares differ by one element at most. Where they differ, or where the last
/// global batch is smaller, the mean of the ranks' mean losses is not the mean over the batch: multiply a rank's mean loss by
/// <c>share.Length * WorldSize / (double)batchSize</c>, where <c>batchSize</c> is that of the global batch,
/// <c>Math.Min(globalBatch, datasetSize - step * (long)globalBatch)</c>.
/// </remarks>
public sealed class DistributedSampler
{
    private readonly long _datasetSize;
    private readonly int _globalBatch, _rank, _worldSize, _seed;
    private readonly bool _shuffle;

    /// <summary>Shares a data set out among a group's ranks. All of them have to give the same arguments.</summary>
    /// <param name="datasetSize">How many elements there are, at least 1.</param>
    /// <param name="globalBatch">How many elements all ranks together take in a step, at least the number of ranks.</param>
    /// <param name="group">The ranks.</param>
    /// <param name="seed">Of the order. The epoch is added to it.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own. Without, elements come as they are.</param>
    /// <param name="drop_last">
    /// Whether elements that are left at the end, and do not make a whole global batch, are left out. Without, each element comes exactly
    /// once in an epoch, which is what an evaluation needs, and in the last step a rank's share may be empty. In a training that rank makes
    /// its step with a batch of no images and the sum of the outputs as its loss: the others wait for it.
    /// </param>
    /// <exception cref="ArgumentException">A size is out of its range, or <paramref name="drop_last"/> would leave nothing.</exception>
    public DistributedSampler(long datasetSize, int globalBatch, ProcessGroup group, int seed = 0, bool shuffle = true, bool drop_last = true)
        : this(datasetSize, globalBatch, NotNull(group).Rank, group.WorldSize, seed, shuffle, drop_last)
    {
    }

    internal DistributedSampler(long datasetSize, int globalBatch, int rank, int worldSize, int seed = 0, bool shuffle = true, bool drop_last = true)
    {
        if (datasetSize < 1 || datasetSize > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(datasetSize), datasetSize, $"expected a data set of 1 to {Array.MaxLength} elements, got {datasetSize}");
        if (globalBatch < 1)
            throw new ArgumentOutOfRangeException(nameof(globalBatch), globalBatch, $"expected a global batch of at least 1 element, got {globalBatch}");
        if (globalBatch < worldSize)
            throw new ArgumentOutOfRangeException(nameof(globalBatch), globalBatch, $"expected a global batch of at least one element for each of the {worldSize} ranks, got {globalBatch}");
        if (drop_last && datasetSize < globalBatch)
            throw new ArgumentException($"expected at least one global batch of {globalBatch}, got a data set of {datasetSize}, of which drop_last leaves nothing", nameof(datasetSize));
        (_datasetSize, _globalBatch, _rank, _worldSize, _seed, _shuffle) = (datasetSize, globalBatch, rank, worldSize, seed, shuffle);
        Count = (int)(drop_last ? datasetSize / globalBatch : (datasetSize - 1) / globalBatch + 1);
    }

    /// <summary>How many steps an epoch has, the same on every rank.</summary>
    public int Count { get; }

    /// <summary>This rank's share of each global batch.</summary>
    /// <param name="epoch">Which one, from 0. Each has its order, and has it again when it is asked for again.</param>
    /// <returns><see cref="Count"/> arrays of indices into the data set, made one after the other as they are asked for.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epoch"/> is negative.</exception>
    public IEnumerable<long[]> Epoch(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return Share(epoch);
    }

    private IEnumerable<long[]> Share(int epoch)
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

    // An array, not a tensor: between two steps a dispose scope of the training loop may end.
    private static long[] Permute(long count, long seed)
    {
        // A generator of its own: drawing from the default one would change what the model draws.
        using var generator = new Generator(unchecked((ulong)seed));
        using var permutation = randperm(count, ScalarType.Int64, CPU, generator: generator);
        return permutation.data<long>().ToArray();
    }

    private static ProcessGroup NotNull(ProcessGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group;
    }
}
