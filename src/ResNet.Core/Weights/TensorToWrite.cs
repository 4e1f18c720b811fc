using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module as it goes into a file: contiguous, on the CPU, of a type that PyTorch would give it.</summary>
internal sealed record TensorToWrite(string Name, ElementType Type, long[] Shape, Tensor Tensor)
{
    /// <summary>Its elements' bytes in the file.</summary>
    public long Length => Count * Type.Size;

    public long Count => Tensor.NumberOfElements;

    /// <exception cref="ArgumentException">The formats have no such type.</exception>
    public static TensorToWrite Of(NamedTensor entry)
    {
        // In TorchSharp model.to(Float64) converts the counter too.
        var dtype = ModuleState.IsBatchCounter(entry.Name) ? ScalarType.Int64 : entry.Tensor.dtype;
        var type = ElementType.Find(dtype)
            ?? throw new ArgumentException($"{entry.Name}: expected a tensor of one of the types {string.Join(", ", ElementType.All.Select(type => type.Dtype))}, got {dtype}.");
        return new(entry.Name, type, entry.Tensor.shape, entry.Tensor);
    }

    /// <summary>One at a time on its way from a GPU, or in order: the file needs no second copy of the module in memory.</summary>
    public void WriteTo(Stream stream)
    {
        using var scope = NewDisposeScope();
        Tensor.detach().to(Type.Dtype).cpu().contiguous().WriteTo(stream);
    }
}
