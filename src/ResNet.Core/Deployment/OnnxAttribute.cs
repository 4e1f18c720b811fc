using ResNet.Core.Onnx;

namespace ResNet.Core.Deployment;

/// <summary>Creates attributes of a node, <c>AttributeProto</c>.</summary>
internal static class OnnxAttribute
{
    public static ProtoMessage CreateInt(string name, long value) =>
        new ProtoMessage().Add(AttributeFields.Name, name).Add(AttributeFields.Int, value).Add(AttributeFields.Type, (long)OnnxAttributeType.Int);

    public static ProtoMessage CreateInts(string name, params long[] values)
    {
        var attribute = new ProtoMessage().Add(AttributeFields.Name, name);
        foreach (var value in values)
            attribute.Add(AttributeFields.Ints, value);
        return attribute.Add(AttributeFields.Type, (long)OnnxAttributeType.Ints);
    }
}
