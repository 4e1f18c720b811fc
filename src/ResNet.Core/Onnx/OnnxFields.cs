namespace ResNet.Core.Onnx;

// The field numbers of each message in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. They never change.

/// <summary>The fields of <c>ModelProto</c>, the whole file.</summary>
internal static class ModelFields
{
    public const int
        IrVersion = 1, ProducerName = 2, ProducerVersion = 3, Domain = 4, ModelVersion = 5, DocString = 6, Graph = 7, OpsetImport = 8, MetadataProps = 14,
        TrainingInfo = 20, Functions = 25, Configuration = 26;
}

/// <summary>The fields of <c>OperatorSetIdProto</c>.</summary>
internal static class OperatorSetFields
{
    public const int Domain = 1, Version = 2;
}

/// <summary>The fields of <c>FunctionProto</c>.</summary>
internal static class FunctionFields
{
    public const int Domain = 10;
}

/// <summary>The fields of <c>StringStringEntryProto</c>, a metadata entry.</summary>
internal static class EntryFields
{
    public const int Key = 1, Value = 2;
}

/// <summary>The fields of <c>GraphProto</c>.</summary>
internal static class GraphFields
{
    public const int
        Node = 1, Name = 2, Initializer = 5, DocString = 10, Input = 11, Output = 12, ValueInfo = 13, QuantizationAnnotation = 14, SparseInitializer = 15;
}

/// <summary>The fields of <c>NodeProto</c>.</summary>
internal static class NodeFields
{
    public const int Input = 1, Output = 2, Name = 3, OpType = 4, Attribute = 5, Domain = 7;
}

/// <summary>The fields of <c>AttributeProto</c>.</summary>
internal static class AttributeFields
{
    public const int Name = 1, Float = 2, Int = 3, String = 4, Tensor = 5, Graph = 6, Ints = 8, Graphs = 11, Type = 20;
}

/// <summary>The fields of <c>TensorProto</c>.</summary>
internal static class TensorFields
{
    public const int
        Dims = 1, DataType = 2, FloatData = 4, Int32Data = 5, StringData = 6, Int64Data = 7, Name = 8, RawData = 9, DoubleData = 10, UInt64Data = 11,
        ExternalData = 13, DataLocation = 14;
}

/// <summary>The fields of <c>ValueInfoProto</c>, an input or output.</summary>
internal static class ValueInfoFields
{
    public const int Name = 1, Type = 2;
}

/// <summary>The fields of <c>TypeProto</c>.</summary>
internal static class TypeFields
{
    public const int TensorType = 1;
}

/// <summary>The fields of <c>TypeProto.Tensor</c>.</summary>
internal static class TensorTypeFields
{
    public const int ElemType = 1, Shape = 2;
}

/// <summary>The fields of <c>TensorShapeProto</c>.</summary>
internal static class ShapeFields
{
    public const int Dim = 1;
}

/// <summary>The fields of <c>TensorShapeProto.Dimension</c>.</summary>
internal static class DimensionFields
{
    public const int Value = 1, Parameter = 2;
}
