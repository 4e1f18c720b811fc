using ResNet.Core.Onnx;

namespace ResNet.Core.Weights.Onnx;

/// <summary>An attribute of a node. It has a value of one type; the others are null.</summary>
internal sealed record NodeAttribute(string Name, long? Int, float? Float, string? Text, long[]? Ints, TensorProto? Tensor, bool IsGraph)
{
    private const int MostNumbers = 64;

    /// <exception cref="InvalidDataException">The attribute is damaged.</exception>
    public static NodeAttribute Read(ProtoFields fields)
    {
        var (name, text) = ("", null as string);
        var (type, number, real, isGraph) = (OnnxAttributeType.Undefined, null as long?, null as float?, false);
        TensorProto? tensor = null;
        List<long>? numbers = null;
        while (fields.MoveNext())
            switch (fields.Number)
            {
                case AttributeFields.Name:
                    name = fields.ReadString();
                    break;
                case AttributeFields.Float:
                    real = fields.ReadFloat();
                    break;
                case AttributeFields.Int:
                    number = fields.ReadInt64();
                    break;
                case AttributeFields.String: // no known setting is long
                    text = fields.GetRange().Length is var length && length <= MostNumbers ? fields.ReadString() : $"{length:N0} bytes";
                    break;
                case AttributeFields.Tensor:
                    tensor = TensorProto.Read(fields.ReadMessage());
                    break;
                case AttributeFields.Graph or AttributeFields.Graphs:
                    isGraph = true;
                    break;
                case AttributeFields.Ints:
                    fields.ReadInto(numbers ??= [], MostNumbers);
                    break;
                case AttributeFields.Type:
                    type = (OnnxAttributeType)fields.ReadInt64();
                    break;
            }
        var ints = numbers?.ToArray();
        // proto3 omits zero and empty values.
        return type switch
        {
            OnnxAttributeType.Undefined => new NodeAttribute(name, number, real, text, ints, tensor, isGraph), // before IR version 2
            OnnxAttributeType.Float => new NodeAttribute(name, null, real ?? 0, null, null, null, isGraph),
            OnnxAttributeType.Int => new NodeAttribute(name, number ?? 0, null, null, null, null, isGraph),
            OnnxAttributeType.String => new NodeAttribute(name, null, null, text ?? "", null, null, isGraph),
            OnnxAttributeType.Tensor => new NodeAttribute(name, null, null, null, null, tensor, isGraph),
            OnnxAttributeType.Ints => new NodeAttribute(name, null, null, null, ints ?? [], null, isGraph),
            _ => new NodeAttribute(name, null, null, null, null, null, isGraph),
        };
    }
}
