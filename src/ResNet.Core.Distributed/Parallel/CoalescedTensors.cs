using ResNet.Core.Distributed.Communication;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>Copies tensors of a module from rank 0, with one broadcast per type.</summary>
/// <param name="tensors">The parameters or buffers.</param>
/// <param name="group">The process group.</param>
internal sealed class CoalescedTensors(IEnumerable<Tensor> tensors, ProcessGroup group)
{
    private readonly List<List<Tensor>> _types = [.. tensors.GroupBy(tensor => tensor.dtype).Select(type => type.ToList())];

    public void Broadcast()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var type in _types)
        {
            using var flat = empty(type.Sum(tensor => tensor.numel()), type[0].dtype);
            var parts = flat.split([.. type.Select(tensor => tensor.numel())]);
            if (group.Rank == 0)
                foreach (var (part, tensor) in parts.Zip(type))
                    part.view(tensor.shape).copy_(tensor);
            group.Broadcast(flat);
            if (group.Rank != 0)
                foreach (var (part, tensor) in parts.Zip(type))
                    Write(part, tensor);
        }
    }

    /// <summary>
    /// Writes directly to memory where possible. For autograd, <c>copy_</c> counts as a modification, so the backward pass of a graph from before would fail on all
    /// ranks except the first, even for batch norms that do not use their running statistics.
    /// </summary>
    private static unsafe void Write(Tensor part, Tensor tensor)
    {
        var bytes = tensor.numel() * tensor.ElementSize;
        if (tensor.device_type == DeviceType.CPU && tensor.is_contiguous())
            Buffer.MemoryCopy(TensorAddress.Find(part), TensorAddress.Find(tensor), bytes, bytes);
        else
            tensor.copy_(part.view(tensor.shape));
    }
}
