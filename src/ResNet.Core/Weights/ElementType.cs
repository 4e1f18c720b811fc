using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A type of tensor elements, and what the two formats call it.</summary>
/// <param name="Dtype">TorchSharp's name.</param>
/// <param name="Size">Bytes an element.</param>
/// <param name="Storage">The class that a pickle of torch.save names.</param>
/// <param name="SafeTensors">The name in a safetensors header.</param>
internal sealed record ElementType(ScalarType Dtype, int Size, string Storage, string SafeTensors)
{
    public static IReadOnlyList<ElementType> All { get; } =
    [
        new(ScalarType.Float64, 8, "DoubleStorage", "F64"),
        new(ScalarType.Float32, 4, "FloatStorage", "F32"),
        new(ScalarType.Float16, 2, "HalfStorage", "F16"),
        new(ScalarType.BFloat16, 2, "BFloat16Storage", "BF16"),
        new(ScalarType.Int64, 8, "LongStorage", "I64"),
        new(ScalarType.Int32, 4, "IntStorage", "I32"),
        new(ScalarType.Int16, 2, "ShortStorage", "I16"),
        new(ScalarType.Int8, 1, "CharStorage", "I8"),
        new(ScalarType.Byte, 1, "ByteStorage", "U8"),
        new(ScalarType.Bool, 1, "BoolStorage", "BOOL"),
    ];

    /// <summary>Of this type, or null if the formats have none.</summary>
    public static ElementType? Find(ScalarType dtype) => All.FirstOrDefault(type => type.Dtype == dtype);

    /// <exception cref="ArgumentException">The formats have no tensors of this one's type.</exception>
    public static ElementType Of(NamedTensor entry) => Find(entry.Tensor.dtype)
        ?? throw new ArgumentException($"{entry.Name}: expected a tensor of one of the types {string.Join(", ", All.Select(type => type.Dtype))}, got {entry.Tensor.dtype}.");
}
