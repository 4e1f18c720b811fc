namespace ResNet.Core.Onnx;

/// <summary>The type of an attribute's value, <c>AttributeProto.AttributeType</c>.</summary>
internal enum OnnxAttributeType : long
{
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Ints = 7,
}
