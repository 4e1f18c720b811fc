using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A type of tensor elements, and what the formats call it.</summary>
/// <param name="Dtype">TorchSharp's name.</param>
/// <param name="Size">Bytes an element.</param>
/// <param name="Storage">The class that a pickle of torch.save names.</param>
/// <param name="SafeTensors">The name in a safetensors header.</param>
/// <param name="Onnx">The number in an ONNX file, a <c>TensorProto.DataType</c>.</param>
internal sealed record ElementType(ScalarType Dtype, int Size, string Storage, string SafeTensors, int Onnx)
{
    public static IReadOnlyList<ElementType> All { get; } =
    [
        new(ScalarType.Float64, 8, "DoubleStorage", "F64", 11),
        new(ScalarType.Float32, 4, "FloatStorage", "F32", 1),
        new(ScalarType.Float16, 2, "HalfStorage", "F16", 10),
        new(ScalarType.BFloat16, 2, "BFloat16Storage", "BF16", 16),
        new(ScalarType.Int64, 8, "LongStorage", "I64", 7),
        new(ScalarType.Int32, 4, "IntStorage", "I32", 6),
        new(ScalarType.Int16, 2, "ShortStorage", "I16", 5),
        new(ScalarType.Int8, 1, "CharStorage", "I8", 3),
        new(ScalarType.Byte, 1, "ByteStorage", "U8", 2),
        new(ScalarType.Bool, 1, "BoolStorage", "BOOL", 9),
    ];

    public bool IsFloatingPoint => Dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>Of this type, or null if the formats have none.</summary>
    public static ElementType? Find(ScalarType dtype) => All.FirstOrDefault(type => type.Dtype == dtype);

    /// <exception cref="ArgumentException">The formats have no tensors of this one's type.</exception>
    public static ElementType Of(NamedTensor entry) => Find(entry.Tensor.dtype)
        ?? throw new ArgumentException($"{entry.Name}: expected a tensor of one of the types {string.Join(", ", All.Select(type => type.Dtype))}, got {entry.Tensor.dtype}.");
}
