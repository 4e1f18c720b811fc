namespace ResNet.Core.Onnx;

/// <summary>The type of a tensor's elements, <c>TensorProto.DataType</c>.</summary>
internal enum OnnxDataType : long
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    BFloat16 = 16,
}
