using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Nccl;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>What the ranks do with tensors: each is brought to where, and into the type in which, it can be carried.</summary>
/// <param name="thread">That does it; null where there is one rank.</param>
/// <param name="memory">Carries tensors in main memory.</param>
/// <param name="gpus">Carries CUDA tensors; null where they go through main memory.</param>
/// <param name="localRank">The number of this rank's GPU.</param>
internal sealed class Collectives(CommunicationThread? thread = null, MpiBackend? memory = null, NcclBackend? gpus = null, int localRank = 0)
{
    public void AllReduce(Tensor tensor, ReduceOp op)
    {
        if (thread is null)
            return;
        if (op is ReduceOp.Min or ReduceOp.Max && tensor.is_floating_point())
            FindExtreme(tensor, op);
        else
            Reduce(tensor, op);
    }

    public void Broadcast(Tensor tensor, int src)
    {
        if (thread is null)
            return;
        var device = FindCarrier(tensor.device);
        Carry(tensor, device, tensor.dtype, staged => thread.Post($"Broadcast of {Describe(staged)} from rank {src}", () => BackendOf(device).Broadcast(staged, src)));
    }

    public void Barrier() => thread?.Post("Barrier", () => memory!.Barrier()).Wait();

    /// <summary>Begins to sum <paramref name="tensor"/> over the ranks.</summary>
    /// <param name="tensor">Contiguous, of a device and type that <see cref="FindCarrier(Device, ScalarType)"/> gave. It must live until the operation has ended.</param>
    /// <param name="name">What the tensor is.</param>
    public Operation BeginSum(Tensor tensor, string name) =>
        thread!.Post($"AllReduce of {name}, {Describe(tensor)}", () => BackendOf(tensor.device).AllReduce(tensor, ReduceOp.Sum));

    /// <summary>Where, and in which type, elements of <paramref name="type"/> on <paramref name="device"/> are reduced.</summary>
    /// <exception cref="ArgumentException">They cannot be.</exception>
    public (Device Device, ScalarType Type) FindCarrier(Device device, ScalarType type)
    {
        var carrier = FindCarrier(device);
        var carried = carrier.type == DeviceType.CUDA && NcclBackend.Reduces(type) ? type : type switch
        {
            // MPI knows no floating-point number of 16 bits.
            ScalarType.Float16 or ScalarType.BFloat16 => ScalarType.Float32,
            // Of small integers Open MPI's sums end at the largest one, but not in all places of a tensor, and MPICH 4.0 compares bytes
            // as if they had a sign. NCCL has none of 16 bits.
            ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 => ScalarType.Int32,
            _ when MpiBackend.Reduces(type) => type,
            _ => throw new ArgumentException($"expected a tensor of floating-point numbers or integers, got {type}", nameof(type)),
        };
        return (carrier, carried);
    }

    /// <summary>A tensor's shape and type, as messages have them.</summary>
    public static string Describe(Tensor tensor) => $"({string.Join(", ", tensor.shape)}) {tensor.dtype}";

    private Device FindCarrier(Device device) =>
        gpus is null || device.type != DeviceType.CUDA ? CPU
        : device.index == localRank ? device
        : throw new ArgumentException($"expected a tensor on cuda:{localRank}, the device of this rank, got one on {device}", nameof(device));

    private IBackend BackendOf(Device device) => device.type == DeviceType.CUDA ? gpus! : memory!;

    private void Reduce(Tensor tensor, ReduceOp op)
    {
        var (device, type) = FindCarrier(tensor.device, tensor.dtype);
        Carry(tensor, device, type, staged => thread!.Post($"AllReduce of {Describe(staged)}, {op}", () => BackendOf(device).AllReduce(staged, op)));
    }

    /// <summary>
    /// The minimum or maximum, with NaNs apart: MPI leaves open whether they win, and whether 0 or -0 does, and MPICH's ranks get different ones.
    /// </summary>
    private void FindExtreme(Tensor tensor, ReduceOp op)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var isNaN = tensor.isnan();
        var values = tensor.detach().masked_fill(isNaN, op == ReduceOp.Max ? double.NegativeInfinity : double.PositiveInfinity).add_(0);
        Reduce(values, op);
        var haveNaN = isNaN.to(ScalarType.Int32);
        Reduce(haveNaN, ReduceOp.Max);
        tensor.detach().copy_(values.masked_fill_(haveNaN.gt(0), double.NaN));
    }

    /// <summary>Lets an operation work on <paramref name="tensor"/>, or on a copy where it lies, or is written, otherwise than the backend takes it.</summary>
    private static void Carry(Tensor tensor, Device device, ScalarType type, Func<Tensor, Operation> begin)
    {
        if (tensor.is_contiguous() && tensor.dtype == type && tensor.device_type == device.type)
        {
            begin(tensor).Wait();
            return;
        }
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var staged = tensor.detach().to(type, device).contiguous();
        try
        {
            begin(staged).Wait();
        }
        catch
        {
            // MPI may still write to it: it is not freed any more. The process has little left to do.
            staged.DetachFromDisposeScope();
            throw;
        }
        tensor.detach().copy_(staged);
    }
}
