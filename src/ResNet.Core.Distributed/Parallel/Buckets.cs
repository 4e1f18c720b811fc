using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>Which gradients travel together.</summary>
internal static class Buckets
{
    private const long Megabyte = 1024 * 1024;

    /// <summary>
    /// From the last parameter to the first, as the backward pass makes their gradients; one type and device a bucket. The first bucket is
    /// small, as in PyTorch, so that the network has something to carry early.
    /// </summary>
    /// <param name="parameters">With their names, in the module's order.</param>
    /// <param name="capacity">From how many bytes on a bucket is full.</param>
    public static List<List<(string Name, Parameter Parameter)>> Fill(IReadOnlyList<(string Name, Parameter Parameter)> parameters, long capacity)
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
                // In the order in which they are full, which is that in which the backward pass completes them.
                buckets.Add(bucket);
                open.Remove(key);
            }
        }
        buckets.AddRange(open.Values.Select(rest => rest.Bucket));
        return buckets;
    }
}
