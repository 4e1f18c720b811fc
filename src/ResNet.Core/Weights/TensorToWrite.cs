using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module as it goes into a file: contiguous, on the CPU, of a type that PyTorch would give it.</summary>
internal sealed record TensorToWrite(string Name, ElementType Type, long[] Shape, Tensor Tensor)
{
    /// <summary>Its elements' bytes in the file.</summary>
    public long Length => Count * Type.Size;

    public long Count => Tensor.NumberOfElements;

    /// <exception cref="ArgumentException">The formats have no such tensor, or no such name.</exception>
    public static TensorToWrite Of(NamedTensor entry)
    {
        // It would come back as another name.
        if (!Guard.IsUnicode(entry.Name))
            throw new ArgumentException($"Expected names of tensors that are Unicode, got '{entry.Name}' with half a surrogate pair.");
        CheckHasElements(entry);
        // In TorchSharp model.to(Float64) converts the counter too.
        var type = ModuleState.IsBatchCounter(entry.Name) ? ElementType.Find(ScalarType.Int64)! : ElementType.Of(entry);
        return new(entry.Name, type, entry.Tensor.shape, entry.Tensor);
    }

    /// <exception cref="ArgumentException">It has none, or not one for each place.</exception>
    public static void CheckHasElements(NamedTensor entry)
    {
        if (entry.Tensor.device_type == DeviceType.META)
            throw new ArgumentException($"{entry.Name}: expected a tensor with elements, got one on the meta device, which has none.");
        if (entry.Tensor.is_sparse)
            throw new ArgumentException($"{entry.Name}: expected a dense tensor, got a sparse one.");
    }

    /// <summary>One at a time on its way from a GPU, or in order: the file needs no second copy of the module in memory.</summary>
    public void WriteTo(Stream stream)
    {
        using var scope = NewDisposeScope();
        Tensor.detach().to(Type.Dtype).cpu().contiguous().WriteTo(stream);
    }
}
