using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Consecutive elements in a file, which one tensor or several are views of.</summary>
/// <param name="Type">The elements' type.</param>
/// <param name="Count">How many elements there are.</param>
/// <param name="ReadInto">Fills a contiguous tensor of as many elements with them.</param>
internal sealed record Storage(ElementType Type, long Count, Action<Tensor> ReadInto)
{
    /// <summary>Reads all elements into a new tensor of shape (Count).</summary>
    public Tensor Read()
    {
        var tensor = empty(Count, dtype: Type.Dtype, device: CPU);
        ReadInto(tensor);
        return tensor;
    }
}

/// <summary>A tensor in a file: a view of a storage. It is known to lie within it.</summary>
/// <param name="Storage">Where its elements are.</param>
/// <param name="Offset">Index of its first element.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Strides">By how many elements the index grows with each dimension.</param>
internal sealed record StoredTensor(Storage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>The strides of a tensor whose elements lie in order, without gaps.</summary>
    public static long[] ContiguousStrides(long[] shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }
        return strides;
    }
}
