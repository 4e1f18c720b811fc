using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// What carries tensors between the ranks: MPI in main memory, NCCL between GPUs. All members are called on the communication
/// thread, and none of them waits for another rank: each begins something whose end <see cref="IWork.IsCompleted"/> tells.
/// </summary>
internal interface IBackend : IDisposable
{
    /// <summary>Begins to replace each element of <paramref name="tensor"/> by what <paramref name="op"/> makes of the ranks' elements.</summary>
    /// <param name="tensor">Contiguous, in the backend's memory. It must live until the work is completed.</param>
    /// <param name="op">How.</param>
    IWork AllReduce(Tensor tensor, ReduceOp op);

    /// <summary>Begins to replace <paramref name="tensor"/> by that of rank <paramref name="src"/>.</summary>
    /// <param name="tensor">Contiguous, in the backend's memory. It must live until the work is completed.</param>
    /// <param name="src">The rank whose elements all get.</param>
    IWork Broadcast(Tensor tensor, int src);
}

/// <summary>Something that goes on between the ranks.</summary>
internal interface IWork
{
    /// <summary>Moves it on as far as it goes without waiting.</summary>
    /// <returns>Whether it is done. After that it is not asked again.</returns>
    bool IsCompleted();
}
