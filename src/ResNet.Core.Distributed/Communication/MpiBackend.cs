using ResNet.Core.Distributed.Mpi;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Transfers tensors in main memory.</summary>
/// <param name="mpi">The MPI functions.</param>
/// <param name="communicator">A communicator for these tensors only.</param>
internal sealed unsafe class MpiBackend(MpiApi mpi, nint communicator) : IBackend
{
    // MPI counts in 32 bits.
    private const long MaxCount = 1 << 30;

    public IWork AllReduce(Tensor tensor, ReduceOp op)
    {
        var address = TensorAddress.Find(tensor);
        var (size, type, operation) = (tensor.ElementSize, FindType(tensor.dtype), FindOperation(op));
        return new MpiWork(mpi, Split(tensor.numel()).Select(part => mpi.IAllReduce(address + part.Start * size, part.Count, type, operation, communicator)));
    }

    /// <remarks>Sends bytes, so that every element type works.</remarks>
    public IWork Broadcast(Tensor tensor, int src)
    {
        var address = TensorAddress.Find(tensor);
        return new MpiWork(mpi, Split(tensor.numel() * tensor.ElementSize).Select(part => mpi.IBroadcast(address + part.Start, part.Count, mpi.Abi.Byte, src, communicator)));
    }

    /// <summary>Starts a barrier.</summary>
    public IWork Barrier() => new MpiWork(mpi, Enumerable.Repeat(0, 1).Select(_ => mpi.IBarrier(communicator)));

    public void Dispose() => mpi.Free(communicator);

    /// <summary>Whether every MPI reduces elements of this type in the same way.</summary>
    public static bool Reduces(ScalarType type) => type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int32 or ScalarType.Int64;

    private static IEnumerable<(long Start, int Count)> Split(long count)
    {
        for (var start = 0L; start < count; start += MaxCount)
            yield return (start, (int)Math.Min(MaxCount, count - start));
    }

    private nint FindType(ScalarType type) => type switch
    {
        ScalarType.Float32 => mpi.Abi.Float,
        ScalarType.Float64 => mpi.Abi.Double,
        ScalarType.Int32 => mpi.Abi.Int32,
        ScalarType.Int64 => mpi.Abi.Int64,
        _ => throw new ArgumentException($"expected a type that MPI reduces, got {type}", nameof(type)),
    };

    private nint FindOperation(ReduceOp op) => op switch
    {
        ReduceOp.Sum => mpi.Abi.Sum,
        ReduceOp.Product => mpi.Abi.Product,
        ReduceOp.Min => mpi.Abi.Min,
        ReduceOp.Max => mpi.Abi.Max,
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max"),
    };
}
