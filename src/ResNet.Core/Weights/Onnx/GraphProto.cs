namespace ResNet.Core.Weights.Onnx;

/// <summary>What comes into the model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its shape, null for a length that is not fixed.</param>
internal sealed record ModelInput(string Name, IReadOnlyList<long?> Shape);

/// <summary>The graph as the file has it, in the file's order.</summary>
internal sealed record GraphProto(IReadOnlyList<Node> Nodes, IReadOnlyList<TensorProto> Initializers, IReadOnlyList<ModelInput> Inputs, IReadOnlyList<string> Outputs)
{
    private const long LeastOpset = 7; // since then an Add needs not be told how to broadcast

    /// <summary>Reads the whole file but for the tensors' elements.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <remarks>The numbers of fields are those of <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</see>, which never change.</remarks>
    public static GraphProto Read(ProtoReader reader)
    {
        GraphProto? graph = null;
        long? opset = null;
        var model = reader.Message;
        while (model.Next())
            switch (model.Number)
            {
                case 7:
                    model.Once(graph is null);
                    graph = ReadGraph(reader, model.Message());
                    break;
                case 8 when ReadOpset(model.Message()) is { } version:
                    if (opset is { } other && other != version)
                        throw new InvalidDataException($"is an ONNX model of opset {other} and of opset {version}, expected one");
                    opset = version;
                    break;
                case 25 when ReadFunctionsDomain(model.Message()) is var domain && IsOnnx(domain):
                    throw new InvalidDataException("is an ONNX model with a function of its own in place of one of ONNX's operators, expected these as they are");
            }
        if (graph is null || opset is null)
            throw reader.Damaged(graph is null ? "it has no graph" : "it does not say its opset");
        return opset >= LeastOpset ? graph
            : throw new InvalidDataException($"is an ONNX model of opset {opset}, expected {LeastOpset} or later; convert it in Python: from onnx import version_converter; onnx.save(version_converter.convert_version(onnx.load(path), 17), \"new.onnx\")");
    }

    /// <summary>The version of ONNX's own operators, or null for those of another domain.</summary>
    private static long? ReadOpset(ProtoFields fields)
    {
        var (domain, version) = ("", 0L);
        while (fields.Next())
            switch (fields.Number)
            {
                case 1:
                    domain = fields.Text();
                    break;
                case 2:
                    version = fields.Int64();
                    break;
            }
        return IsOnnx(domain) ? version : null;
    }

    private static string ReadFunctionsDomain(ProtoFields fields)
    {
        var domain = "";
        while (fields.Next())
            if (fields.Number == 10)
                domain = fields.Text();
        return domain;
    }

    private static bool IsOnnx(string domain) => domain is "" or "ai.onnx";

    private static GraphProto ReadGraph(ProtoReader reader, ProtoFields fields)
    {
        var (nodes, initializers, inputs, outputs) = (new List<Node>(), new List<TensorProto>(), new List<ModelInput>(), new List<string>());
        while (fields.Next())
            switch (fields.Number)
            {
                case 1:
                    nodes.Add(ReadNode(fields.Message()) ?? throw reader.Damaged("a node has no operator, an attribute twice, or nothing comes out of it"));
                    break;
                case 5:
                    initializers.Add(TensorProto.Read(fields.Message()));
                    break;
                case 11:
                    inputs.Add(ReadValue(fields.Message()));
                    break;
                case 12:
                    outputs.Add(ReadValue(fields.Message()).Name);
                    break;
            }
        return new GraphProto(nodes, initializers, inputs, outputs);
    }

    /// <summary>Null where it is no node.</summary>
    private static Node? ReadNode(ProtoFields fields)
    {
        var (name, type, domain) = ("", "", "");
        var (inputs, outputs, attributes) = (new List<string>(), new List<string>(), new List<NodeAttribute>());
        while (fields.Next())
            switch (fields.Number)
            {
                case 1:
                    inputs.Add(fields.Text());
                    break;
                case 2:
                    outputs.Add(fields.Text());
                    break;
                case 3:
                    name = fields.Text();
                    break;
                case 4:
                    type = fields.Text();
                    break;
                case 5:
                    attributes.Add(NodeAttribute.Read(fields.Message()));
                    break;
                case 7:
                    domain = fields.Text();
                    break;
            }
        var isNode = type.Length > 0 && outputs.Count > 0 && (attributes.Count < 2 || attributes.DistinctBy(attribute => attribute.Name).Count() == attributes.Count);
        return !isNode ? null : new Node(IsOnnx(domain) ? type : $"{domain}.{type}", name, [.. inputs], [.. outputs], attributes.Count == 0 ? [] : attributes);
    }

    private static ModelInput ReadValue(ProtoFields fields)
    {
        var (name, shape) = ("", new List<long?>());
        while (fields.Next())
            if (fields.Number == 1)
                name = fields.Text();
            else if (fields.Number == 2)
                ReadType(fields.Message(), shape);
        return new ModelInput(name, [.. shape]);
    }

    /// <summary>TypeProto, of whose kinds the tensor's is the first, with a TensorShapeProto.</summary>
    private static void ReadType(ProtoFields type, List<long?> shape)
    {
        while (type.Next())
            if (type.Number == 1)
                for (var tensor = type.Message(); tensor.Next();)
                    if (tensor.Number == 2)
                        for (var dimensions = tensor.Message(); dimensions.Next();)
                            if (dimensions.Number == 1)
                                shape.Add(ReadLength(dimensions.Message()));
    }

    private static long? ReadLength(ProtoFields dimension)
    {
        long? length = null;
        while (dimension.Next())
            if (dimension.Number == 1)
                length = dimension.Int64();
        return length;
    }
}
