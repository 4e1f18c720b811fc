using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>How many tensors are not disposed.</summary>
internal static class LiveTensors
{
    /// <summary>Without those that other tests left to the collector, which would be counted down whenever it comes by.</summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
