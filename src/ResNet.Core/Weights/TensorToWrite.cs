using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module with the type that PyTorch would save it in.</summary>
internal sealed record TensorToWrite(string Name, ElementType Type, long[] Shape, Tensor Tensor)
{
    /// <summary>The length of the elements in bytes.</summary>
    public long Length => Count * Type.Size;

    public long Count => Tensor.NumberOfElements;

    /// <exception cref="ArgumentException">The formats do not support the tensor's type or name.</exception>
    public static TensorToWrite Create(NamedTensor entry)
    {
        // The name would be read back differently.
        if (!Guard.IsUnicode(entry.Name))
            throw new ArgumentException($"Expected valid Unicode as tensor names, got '{entry.Name}' with half a surrogate pair.");
        CheckHasElements(entry);
        // TorchSharp's model.to(Float64) converts the counter too.
        var type = StateDict.IsBatchCounter(entry.Name) ? ElementType.Find(ScalarType.Int64)! : ElementType.FromTensor(entry);
        return new(entry.Name, type, entry.Tensor.shape, entry.Tensor);
    }

    /// <exception cref="ArgumentException">The tensor is on the meta device or sparse.</exception>
    public static void CheckHasElements(NamedTensor entry)
    {
        if (entry.Tensor.device_type == DeviceType.META)
            throw new ArgumentException($"{entry.Name}: expected a tensor with elements, got one on the meta device, which has none.");
        if (entry.Tensor.is_sparse)
            throw new ArgumentException($"{entry.Name}: expected a dense tensor, got a sparse one.");
    }

    /// <summary>Writes the elements. Only this one tensor is copied, so that saving needs no second copy of the module in memory.</summary>
    public void WriteTo(Stream stream)
    {
        using var scope = NewDisposeScope();
        Tensor.detach().to(Type.Dtype).cpu().contiguous().WriteTo(stream);
    }
}
