using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Nccl;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>The collective operations. Tensors are copied to a device and type that the backend supports, if necessary.</summary>
/// <param name="thread">The communication thread; null for a single rank.</param>
/// <param name="memory">The backend for tensors in main memory.</param>
/// <param name="gpus">The backend for CUDA tensors; null if they go through main memory.</param>
/// <param name="localRank">The index of this rank's GPU.</param>
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
        var device = FindTransport(tensor.device);
        Run(tensor, device, tensor.dtype, staged => thread.Post($"Broadcast of {Describe(staged)} from rank {src}", () => SelectBackend(device).Broadcast(staged, src)));
    }

    public void Barrier() => thread?.Post("Barrier", () => memory!.Barrier()).Wait();

    /// <summary>Starts summing <paramref name="tensor"/> over the ranks.</summary>
    /// <param name="tensor">A contiguous tensor with a device and type from <see cref="FindTransport(Device, ScalarType)"/>. It must live until the operation ends.</param>
    /// <param name="name">The name of the tensor, for messages.</param>
    public Operation BeginSum(Tensor tensor, string name) =>
        thread!.Post($"AllReduce of {name}, {Describe(tensor)}", () => SelectBackend(tensor.device).AllReduce(tensor, ReduceOp.Sum));

    /// <summary>The device and type in which elements of <paramref name="type"/> on <paramref name="device"/> are reduced.</summary>
    /// <exception cref="ArgumentException">The elements cannot be reduced.</exception>
    public (Device Device, ScalarType Type) FindTransport(Device device, ScalarType type)
    {
        var transport = FindTransport(device);
        var transportType = transport.type == DeviceType.CUDA && NcclBackend.Reduces(type) ? type : type switch
        {
            // MPI has no 16-bit floating-point type.
            ScalarType.Float16 or ScalarType.BFloat16 => ScalarType.Float32,
            // For small integers, Open MPI's sums saturate, but not for all elements of a tensor, and MPICH 4.0 compares bytes as if they were signed.
            // NCCL has no 16-bit integers.
            ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 => ScalarType.Int32,
            _ when MpiBackend.Reduces(type) => type,
            _ => throw new ArgumentException($"expected a tensor of floating-point numbers or integers, got {type}", nameof(type)),
        };
        return (transport, transportType);
    }

    /// <summary>A tensor's shape and type, for messages.</summary>
    public static string Describe(Tensor tensor) => $"({string.Join(", ", tensor.shape)}) {tensor.dtype}";

    private Device FindTransport(Device device) =>
        gpus is null || device.type != DeviceType.CUDA ? CPU
        : device.index == localRank ? device
        : throw new ArgumentException($"expected a tensor on cuda:{localRank}, the device of this rank, got one on {device}", nameof(device));

    private IBackend SelectBackend(Device device) => device.type == DeviceType.CUDA ? gpus! : memory!;

    private void Reduce(Tensor tensor, ReduceOp op)
    {
        var (device, type) = FindTransport(tensor.device, tensor.dtype);
        Run(tensor, device, type, staged => thread!.Post($"AllReduce of {Describe(staged)}, {op}", () => SelectBackend(device).AllReduce(staged, op)));
    }

    /// <summary>
    /// Computes the minimum or maximum with separate treatment of NaN and of signed zero: MPI does not define which of them wins, and in MPICH the ranks get
    /// different results.
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

    /// <summary>Runs an operation on <paramref name="tensor"/>, or on a copy if the backend needs another layout, device or type.</summary>
    private static void Run(Tensor tensor, Device device, ScalarType type, Func<Tensor, Operation> begin)
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
            // MPI may still write to the tensor, so it is never freed. The process is about to end anyway.
            staged.DetachFromDisposeScope();
            throw;
        }
        tensor.detach().copy_(staged);
    }
}
