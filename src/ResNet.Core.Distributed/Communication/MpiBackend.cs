using ResNet.Core.Distributed.Mpi;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Tensors in main memory.</summary>
/// <param name="mpi">The library.</param>
/// <param name="communicator">For these tensors alone.</param>
internal sealed unsafe class MpiBackend(MpiApi mpi, nint communicator) : IBackend
{
    // MPI counts in 32 bits.
    private const long LargestCount = 1 << 30;

    public IWork AllReduce(Tensor tensor, ReduceOp op)
    {
        var address = TensorAddress.Find(tensor);
        var (size, type, operation) = (tensor.ElementSize, TypeOf(tensor.dtype), OperationOf(op));
        return new MpiWork(mpi, Parts(tensor.numel()).Select(part => mpi.IAllReduce(address + part.Start * size, part.Count, type, operation, communicator)));
    }

    /// <remarks>Of the bytes, so that every type of element is carried as it is.</remarks>
    public IWork Broadcast(Tensor tensor, int src)
    {
        var address = TensorAddress.Find(tensor);
        return new MpiWork(mpi, Parts(tensor.numel() * tensor.ElementSize).Select(part => mpi.IBroadcast(address + part.Start, part.Count, mpi.Abi.Byte, src, communicator)));
    }

    /// <summary>Waits for all.</summary>
    public IWork Barrier() => new MpiWork(mpi, Enumerable.Repeat(0, 1).Select(_ => mpi.IBarrier(communicator)));

    public void Dispose() => mpi.Free(communicator);

    /// <summary>Whether MPI reduces elements of this type, in the same way whichever MPI it is.</summary>
    public static bool Reduces(ScalarType type) => type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int32 or ScalarType.Int64;

    private static IEnumerable<(long Start, int Count)> Parts(long count)
    {
        for (var start = 0L; start < count; start += LargestCount)
            yield return (start, (int)Math.Min(LargestCount, count - start));
    }

    private nint TypeOf(ScalarType type) => type switch
    {
        ScalarType.Float32 => mpi.Abi.Float,
        ScalarType.Float64 => mpi.Abi.Double,
        ScalarType.Int32 => mpi.Abi.Int32,
        ScalarType.Int64 => mpi.Abi.Int64,
        _ => throw new ArgumentException($"expected a type that MPI reduces, got {type}", nameof(type)),
    };

    private nint OperationOf(ReduceOp op) => op switch
    {
        ReduceOp.Sum => mpi.Abi.Sum,
        ReduceOp.Product => mpi.Abi.Product,
        ReduceOp.Min => mpi.Abi.Min,
        ReduceOp.Max => mpi.Abi.Max,
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max"),
    };
}
