using ResNet.Core.Onnx;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A type of tensor elements with its names in the file formats.</summary>
/// <param name="Dtype">The type in TorchSharp.</param>
/// <param name="Size">The size of an element in bytes.</param>
/// <param name="Storage">The storage class in a pickle of <c>torch.save</c>.</param>
/// <param name="SafeTensors">The name in a safetensors header.</param>
/// <param name="Onnx">The type in an ONNX file.</param>
internal sealed record ElementType(ScalarType Dtype, int Size, string Storage, string SafeTensors, OnnxDataType Onnx)
{
    public static IReadOnlyList<ElementType> All { get; } =
    [
        new(ScalarType.Float64, 8, "DoubleStorage", "F64", OnnxDataType.Double),
        new(ScalarType.Float32, 4, "FloatStorage", "F32", OnnxDataType.Float),
        new(ScalarType.Float16, 2, "HalfStorage", "F16", OnnxDataType.Float16),
        new(ScalarType.BFloat16, 2, "BFloat16Storage", "BF16", OnnxDataType.BFloat16),
        new(ScalarType.Int64, 8, "LongStorage", "I64", OnnxDataType.Int64),
        new(ScalarType.Int32, 4, "IntStorage", "I32", OnnxDataType.Int32),
        new(ScalarType.Int16, 2, "ShortStorage", "I16", OnnxDataType.Int16),
        new(ScalarType.Int8, 1, "CharStorage", "I8", OnnxDataType.Int8),
        new(ScalarType.Byte, 1, "ByteStorage", "U8", OnnxDataType.UInt8),
        new(ScalarType.Bool, 1, "BoolStorage", "BOOL", OnnxDataType.Bool),
    ];

    public bool IsFloatingPoint => Dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>The element type of a dtype; null if the formats do not support it.</summary>
    public static ElementType? Find(ScalarType dtype) => All.FirstOrDefault(type => type.Dtype == dtype);

    /// <summary>The element type of a tensor.</summary>
    /// <exception cref="ArgumentException">The formats do not support the tensor's type.</exception>
    public static ElementType FromTensor(NamedTensor entry) => Find(entry.Tensor.dtype)
        ?? throw new ArgumentException($"{entry.Name}: expected one of the types {string.Join(", ", All.Select(type => type.Dtype))}, got {entry.Tensor.dtype}.");
}
