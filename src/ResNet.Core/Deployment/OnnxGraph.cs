using ResNet.Core.Onnx;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Builds an ONNX graph with one input and one output. The output value of a node has the node's name.
/// </summary>
internal sealed class OnnxGraph
{
    private const long IrVersion = 8;
    private const long OpsetVersion = 17; // of the same ONNX release; readers since 2022 support both

    private readonly List<ProtoMessage> _nodes = [], _initializers = [];
    private readonly HashSet<string> _names = [];
    private readonly string _name, _input, _output;

    /// <param name="name">The name of the graph.</param>
    /// <param name="input">The name of the input.</param>
    /// <param name="output">The name of the output, which a node must compute.</param>
    public OnnxGraph(string name, string input, string output)
    {
        (_name, _input, _output) = (name, input, output);
        _names.Add(input);
    }

    /// <summary>Adds a node that computes the value <paramref name="name"/>.</summary>
    /// <returns>The name.</returns>
    public string AddNode(string type, string name, string[] inputs, params ProtoMessage[] attributes)
    {
        var node = new ProtoMessage();
        foreach (var input in inputs)
            node.Add(NodeFields.Input, input);
        node.Add(NodeFields.Output, Reserve(name)).Add(NodeFields.Name, name).Add(NodeFields.OpType, type);
        foreach (var attribute in attributes)
            node.Add(NodeFields.Attribute, attribute);
        _nodes.Add(node);
        return name;
    }

    /// <summary>Adds an initializer in the type of the tensor.</summary>
    /// <returns>The name.</returns>
    public string AddConstant(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        var type = values.dtype switch
        {
            ScalarType.Float32 => OnnxDataType.Float,
            ScalarType.Byte => OnnxDataType.UInt8,
            ScalarType.Int8 => OnnxDataType.Int8,
            ScalarType.Int32 => OnnxDataType.Int32,
            var other => throw new NotSupportedException($"{name}: {other}"),
        };
        var tensor = new ProtoMessage();
        foreach (var length in values.shape)
            tensor.Add(TensorFields.Dims, length);
        tensor.Add(TensorFields.DataType, (long)type).Add(TensorFields.Name, Reserve(name)).Add(TensorFields.RawData, values.cpu().contiguous().bytes.ToArray());
        _initializers.Add(tensor);
        return name;
    }

    /// <summary>Creates the model, the whole file. The number of images, height and width are dynamic.</summary>
    public ProtoMessage CreateModel(long channels, long classes, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var graph = new ProtoMessage();
        foreach (var node in _nodes)
            graph.Add(GraphFields.Node, node);
        graph.Add(GraphFields.Name, _name);
        foreach (var initializer in _initializers)
            graph.Add(GraphFields.Initializer, initializer);
        graph.Add(GraphFields.Input, CreateValueInfo(_input, "N", channels, "H", "W")).Add(GraphFields.Output, CreateValueInfo(_output, "N", classes));

        var version = typeof(OnnxGraph).Assembly.GetName().Version!.ToString(fieldCount: 3);
        var model = new ProtoMessage()
            .Add(ModelFields.IrVersion, IrVersion).Add(ModelFields.ProducerName, "ResNet.Core").Add(ModelFields.ProducerVersion, version).Add(ModelFields.Graph, graph)
            .Add(ModelFields.OpsetImport, new ProtoMessage().Add(OperatorSetFields.Domain, "").Add(OperatorSetFields.Version, OpsetVersion));
        foreach (var (key, value) in metadata)
            model.Add(ModelFields.MetadataProps, new ProtoMessage().Add(EntryFields.Key, key).Add(EntryFields.Value, value));
        return model;
    }

    /// <param name="name">The name of the input or output.</param>
    /// <param name="shape">The dimensions: numbers, and names of dynamic ones.</param>
    private static ProtoMessage CreateValueInfo(string name, params object[] shape)
    {
        var dimensions = new ProtoMessage();
        foreach (var length in shape)
            dimensions.Add(ShapeFields.Dim, length is long number ? new ProtoMessage().Add(DimensionFields.Value, number) : new ProtoMessage().Add(DimensionFields.Parameter, (string)length));
        var tensor = new ProtoMessage().Add(TensorTypeFields.ElemType, (long)OnnxDataType.Float).Add(TensorTypeFields.Shape, dimensions);
        return new ProtoMessage().Add(ValueInfoFields.Name, name).Add(ValueInfoFields.Type, new ProtoMessage().Add(TypeFields.TensorType, tensor));
    }

    private string Reserve(string name) => _names.Add(name) ? name
        : throw new ArgumentException($"Expected distinct names for input and output that no layer has, got '{_input}' and '{_output}': '{name}' appears twice.");
}
