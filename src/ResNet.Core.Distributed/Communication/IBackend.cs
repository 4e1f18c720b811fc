using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// Transfers tensors between the ranks: MPI in main memory, NCCL between GPUs. All members are called on the communication thread, and none waits for another rank.
/// Each starts work whose completion <see cref="IWork.IsCompleted"/> tells.
/// </summary>
internal interface IBackend : IDisposable
{
    /// <summary>Starts reducing each element of <paramref name="tensor"/> over the ranks, in place.</summary>
    /// <param name="tensor">A contiguous tensor in the backend's memory. It must live until the work is complete.</param>
    /// <param name="op">The reduction.</param>
    IWork AllReduce(Tensor tensor, ReduceOp op);

    /// <summary>Starts copying <paramref name="tensor"/> from rank <paramref name="src"/> to all ranks.</summary>
    /// <param name="tensor">A contiguous tensor in the backend's memory. It must live until the work is complete.</param>
    /// <param name="src">The rank to copy from.</param>
    IWork Broadcast(Tensor tensor, int src);
}

/// <summary>An asynchronous operation between the ranks.</summary>
internal interface IWork
{
    /// <summary>Makes progress without blocking.</summary>
    /// <returns>Whether the work is complete. It must not be called again after that.</returns>
    bool IsCompleted();
}
