using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>Assigns gradients to buckets.</summary>
internal static class BucketAssignment
{
    private const long Megabyte = 1024 * 1024;

    /// <summary>
    /// Fills buckets from the last parameter to the first, the order in which the backward pass computes gradients, with one type and device per bucket. As in
    /// PyTorch, the first bucket is small, so that communication starts early.
    /// </summary>
    /// <param name="parameters">The parameters with their names, in the module's order.</param>
    /// <param name="capacity">The number of bytes from which a bucket is full.</param>
    public static List<List<(string Name, Parameter Parameter)>> Compute(IReadOnlyList<(string Name, Parameter Parameter)> parameters, long capacity)
    {
        var first = Math.Min(Megabyte, capacity);
        var buckets = new List<List<(string Name, Parameter Parameter)>>();
        var open = new Dictionary<(ScalarType, DeviceType, int), (List<(string Name, Parameter Parameter)> Bucket, long Bytes)>();
        foreach (var entry in parameters.Reverse())
        {
            var key = (entry.Parameter.dtype, entry.Parameter.device_type, entry.Parameter.device_index);
            var (bucket, bytes) = open.GetValueOrDefault(key, ([], 0));
            bucket.Add(entry);
            bytes += entry.Parameter.numel() * entry.Parameter.ElementSize;
            if (bytes < (buckets.Count == 0 ? first : capacity))
                open[key] = (bucket, bytes);
            else
            {
                // Buckets are ordered by when they are full, the order in which the backward pass completes them.
                buckets.Add(bucket);
                open.Remove(key);
            }
        }
        buckets.AddRange(open.Values.Select(rest => rest.Bucket));
        return buckets;
    }
}
