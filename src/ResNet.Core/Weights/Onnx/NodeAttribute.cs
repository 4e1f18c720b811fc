namespace ResNet.Core.Weights.Onnx;

/// <summary>A setting of a node. It has a value of one kind, and null for the others.</summary>
internal sealed record NodeAttribute(string Name, long? Int, float? Float, string? Text, long[]? Ints, TensorProto? Tensor, bool IsGraph)
{
    private const int MostNumbers = 64;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static NodeAttribute Read(ProtoFields fields)
    {
        var (name, text) = ("", null as string);
        var (kind, number, real, isGraph) = (0L, null as long?, null as float?, false);
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
                case 4: // s, which is no setting where it is long
                    text = fields.Bytes().Length is var length && length <= MostNumbers ? fields.Text() : $"{length:N0} bytes";
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
                case 20: // type
                    kind = fields.Int64();
                    break;
            }
        var ints = numbers?.ToArray();
        // What is zero or empty proto3 does not write.
        return kind switch
        {
            0 => new NodeAttribute(name, number, real, text, ints, tensor, isGraph), // as before version 2 of the format
            1 => new NodeAttribute(name, null, real ?? 0, null, null, null, isGraph),
            2 => new NodeAttribute(name, number ?? 0, null, null, null, null, isGraph),
            3 => new NodeAttribute(name, null, null, text ?? "", null, null, isGraph),
            4 => new NodeAttribute(name, null, null, null, null, tensor, isGraph),
            7 => new NodeAttribute(name, null, null, null, ints ?? [], null, isGraph),
            _ => new NodeAttribute(name, null, null, null, null, null, isGraph),
        };
    }
}
