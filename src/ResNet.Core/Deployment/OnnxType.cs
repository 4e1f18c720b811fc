namespace ResNet.Core.Deployment;

/// <summary>Of a tensor's elements: ONNX's <c>TensorProto.DataType</c>.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
}
