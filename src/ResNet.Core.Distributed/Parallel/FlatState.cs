using ResNet.Core.Distributed.Communication;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>Tensors of a module that become rank 0's, in one broadcast a type.</summary>
/// <param name="tensors">Parameters or buffers.</param>
/// <param name="group">The ranks.</param>
internal sealed class FlatState(IEnumerable<Tensor> tensors, ProcessGroup group)
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
    /// Writes to the memory itself where it can. A copy would count as a change for autograd, on all ranks but the first, and a graph that
    /// was made before could not be gone back through any more, for batch norms that do not even look at their running statistics.
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
