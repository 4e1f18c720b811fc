using ResNet.Core.Onnx;

namespace ResNet.Core.Weights.Onnx;

/// <summary>An input of the model.</summary>
/// <param name="Name">The name.</param>
/// <param name="Shape">The shape, with null for dynamic dimensions.</param>
internal sealed record ModelInput(string Name, IReadOnlyList<long?> Shape);

/// <summary>The graph as the file stores it, in the file's order.</summary>
internal sealed record GraphProto(IReadOnlyList<Node> Nodes, IReadOnlyList<TensorProto> Initializers, IReadOnlyList<ModelInput> Inputs, IReadOnlyList<string> Outputs)
{
    private const long MinOpset = 7; // the first with implicit broadcasting

    /// <summary>Reads the whole file except the tensors' elements.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or has an opset or a function that is not supported.</exception>
    public static GraphProto Read(ProtoReader reader)
    {
        GraphProto? graph = null;
        long? opset = null;
        var model = reader.Message;
        while (model.MoveNext())
            switch (model.Number)
            {
                case ModelFields.Graph:
                    model.ExpectOnce(graph is null);
                    graph = ReadGraph(reader, model.ReadMessage());
                    break;
                case ModelFields.OpsetImport when ReadOpset(model.ReadMessage()) is { } version:
                    if (opset is { } other && other != version)
                        throw new InvalidDataException($"is an ONNX model of opset {other} and of opset {version}, expected one");
                    opset = version;
                    break;
                case ModelFields.Functions when ReadFunctionsDomain(model.ReadMessage()) is var domain && IsOnnx(domain):
                    throw new InvalidDataException("is an ONNX model that replaces one of ONNX's operators with a function of its own, expected ONNX's operators");
            }
        if (graph is null || opset is null)
            throw reader.Damaged(graph is null ? "it has no graph" : "it has no opset");
        return opset >= MinOpset ? graph
            : throw new InvalidDataException($"is an ONNX model of opset {opset}, expected {MinOpset} or later; convert it in Python: from onnx import version_converter; onnx.save(version_converter.convert_version(onnx.load(path), 17), \"new.onnx\")");
    }

    /// <summary>The version of ONNX's own operator set; null for another domain's.</summary>
    private static long? ReadOpset(ProtoFields fields)
    {
        var (domain, version) = ("", 0L);
        while (fields.MoveNext())
            switch (fields.Number)
            {
                case OperatorSetFields.Domain:
                    domain = fields.ReadString();
                    break;
                case OperatorSetFields.Version:
                    version = fields.ReadInt64();
                    break;
            }
        return IsOnnx(domain) ? version : null;
    }

    private static string ReadFunctionsDomain(ProtoFields fields)
    {
        var domain = "";
        while (fields.MoveNext())
            if (fields.Number == FunctionFields.Domain)
                domain = fields.ReadString();
        return domain;
    }

    private static bool IsOnnx(string domain) => domain is "" or "ai.onnx";

    private static GraphProto ReadGraph(ProtoReader reader, ProtoFields fields)
    {
        var (nodes, initializers, inputs, outputs) = (new List<Node>(), new List<TensorProto>(), new List<ModelInput>(), new List<string>());
        while (fields.MoveNext())
            switch (fields.Number)
            {
                case GraphFields.Node:
                    nodes.Add(ReadNode(fields.ReadMessage()) ?? throw reader.Damaged("a node has no operator, no output, or an attribute twice"));
                    break;
                case GraphFields.Initializer:
                    initializers.Add(TensorProto.Read(fields.ReadMessage()));
                    break;
                case GraphFields.Input:
                    inputs.Add(ReadValue(fields.ReadMessage()));
                    break;
                case GraphFields.Output:
                    outputs.Add(ReadValue(fields.ReadMessage()).Name);
                    break;
            }
        return new GraphProto(nodes, initializers, inputs, outputs);
    }

    /// <summary>Null if the message is not a valid node.</summary>
    private static Node? ReadNode(ProtoFields fields)
    {
        var (name, type, domain) = ("", "", "");
        var (inputs, outputs, attributes) = (new List<string>(), new List<string>(), new List<NodeAttribute>());
        while (fields.MoveNext())
            switch (fields.Number)
            {
                case NodeFields.Input:
                    inputs.Add(fields.ReadString());
                    break;
                case NodeFields.Output:
                    outputs.Add(fields.ReadString());
                    break;
                case NodeFields.Name:
                    name = fields.ReadString();
                    break;
                case NodeFields.OpType:
                    type = fields.ReadString();
                    break;
                case NodeFields.Attribute:
                    attributes.Add(NodeAttribute.Read(fields.ReadMessage()));
                    break;
                case NodeFields.Domain:
                    domain = fields.ReadString();
                    break;
            }
        var isNode = type.Length > 0 && outputs.Count > 0 && (attributes.Count < 2 || attributes.DistinctBy(attribute => attribute.Name).Count() == attributes.Count);
        return !isNode ? null : new Node(IsOnnx(domain) ? type : $"{domain}.{type}", name, [.. inputs], [.. outputs], attributes.Count == 0 ? [] : attributes);
    }

    private static ModelInput ReadValue(ProtoFields fields)
    {
        var (name, shape) = ("", new List<long?>());
        while (fields.MoveNext())
            if (fields.Number == ValueInfoFields.Name)
                name = fields.ReadString();
            else if (fields.Number == ValueInfoFields.Type)
                ReadType(fields.ReadMessage(), shape);
        return new ModelInput(name, [.. shape]);
    }

    /// <summary>Reads the shape of a <c>TypeProto</c>.</summary>
    private static void ReadType(ProtoFields type, List<long?> shape)
    {
        while (type.MoveNext())
            if (type.Number == TypeFields.TensorType)
                for (var tensor = type.ReadMessage(); tensor.MoveNext();)
                    if (tensor.Number == TensorTypeFields.Shape)
                        for (var dimensions = tensor.ReadMessage(); dimensions.MoveNext();)
                            if (dimensions.Number == ShapeFields.Dim)
                                shape.Add(ReadLength(dimensions.ReadMessage()));
    }

    private static long? ReadLength(ProtoFields dimension)
    {
        long? length = null;
        while (dimension.MoveNext())
            if (dimension.Number == DimensionFields.Value)
                length = dimension.ReadInt64();
        return length;
    }
}
