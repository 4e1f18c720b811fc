using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Counts the tensors that are not disposed.</summary>
internal static class LiveTensors
{
    /// <summary>Lets the garbage collector take the tensors that other tests left to it, which would otherwise lower the count at any later moment.</summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
