namespace ResNet.Core.Weights.Onnx;

/// <summary>A setting of a node. It has a value of one kind.</summary>
internal sealed record NodeAttribute(string Name, long? Int, float? Float, string? Text, long[]? Ints, TensorProto? Tensor, bool IsGraph)
{
    private const int MostNumbers = 64;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static NodeAttribute Read(ProtoFields fields)
    {
        var (name, text) = ("", null as string);
        var (number, real, isGraph) = (null as long?, null as float?, false);
        TensorProto? tensor = null;
        List<long>? numbers = null;
        while (fields.Next())
            switch (fields.Number)
            {
                case 1:
                    name = fields.Text();
                    break;
                case 2: // f
                    real = fields.Float();
                    break;
                case 3: // i
                    number = fields.Int64();
                    break;
                case 4 when fields.Bytes().Length <= MostNumbers: // s
                    text = fields.Text();
                    break;
                case 5: // t
                    tensor = TensorProto.Read(fields.Message());
                    break;
                case 6 or 11: // g, graphs
                    isGraph = true;
                    break;
                case 8: // ints
                    fields.AddTo(numbers ??= [], MostNumbers);
                    break;
            }
        return new NodeAttribute(name, number, real, text, numbers?.ToArray(), tensor, isGraph);
    }
}
