namespace ResNet.Core.Distributed;
internal sealed class DistributedSampler(long datasetSize, int globalBatch, ProcessGroup group, int seed, bool shuffle, bool drop_last)
{
    public IEnumerable<long[]> Epoch(int epoch)
    {
        var count = globalBatch / group.WorldSize;
        for (long b = 0; b + globalBatch <= datasetSize; b += globalBatch)
            yield return [.. Enumerable.Range(0, count).Select(i => (b + group.Rank * count + i) * 5 % datasetSize)];
    }
}
