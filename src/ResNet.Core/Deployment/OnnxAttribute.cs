namespace ResNet.Core.Deployment;

/// <summary>A setting of a node: ONNX's <c>AttributeProto</c>, whose type is 2 for a number and 7 for several.</summary>
internal static class OnnxAttribute
{
    public static ProtoMessage Int(string name, long value) => new ProtoMessage().Add(1, name).Add(3, value).Add(20, 2);

    public static ProtoMessage Ints(string name, params long[] values)
    {
        var attribute = new ProtoMessage().Add(1, name);
        foreach (var value in values)
            attribute.Add(8, value);
        return attribute.Add(20, 7);
    }
}
