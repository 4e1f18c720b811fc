using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// A graph of ONNX while it is being made, with one input and one output. A value that a node makes has the node's name.
/// </summary>
/// <remarks>
/// The numbers of fields are those of <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</see>,
/// which never change.
/// </remarks>
internal sealed class OnnxGraph
{
    private const long IrVersion = 8;
    private const long OpsetVersion = 17; // of the same release; whatever reads ONNX since 2022 knows both

    private readonly List<ProtoMessage> _nodes = [], _initializers = [];
    private readonly HashSet<string> _names = [];
    private readonly string _name, _input, _output;

    /// <param name="name">Of the graph.</param>
    /// <param name="input">The name of what goes in.</param>
    /// <param name="output">The name of what comes out: some node has to make it.</param>
    public OnnxGraph(string name, string input, string output)
    {
        (_name, _input, _output) = (name, input, output);
        _names.Add(input);
    }

    /// <summary>Adds a node that makes the value <paramref name="name"/>.</summary>
    /// <returns>The name.</returns>
    public string Node(string type, string name, string[] inputs, params ProtoMessage[] attributes)
    {
        var node = new ProtoMessage();
        foreach (var input in inputs)
            node.Add(1, input);
        node.Add(2, New(name)).Add(3, name).Add(4, type);
        foreach (var attribute in attributes)
            node.Add(5, attribute);
        _nodes.Add(node);
        return name;
    }

    /// <summary>Adds a tensor whose values are in the file, in its own type.</summary>
    /// <returns>The name.</returns>
    public string Constant(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        var type = values.dtype switch
        {
            ScalarType.Float32 => OnnxType.Float,
            ScalarType.Byte => OnnxType.UInt8,
            ScalarType.Int8 => OnnxType.Int8,
            ScalarType.Int32 => OnnxType.Int32,
            var other => throw new NotSupportedException($"{name}: {other}"),
        };
        var tensor = new ProtoMessage();
        foreach (var length in values.shape)
            tensor.Add(1, length);
        tensor.Add(2, (long)type).Add(8, New(name)).Add(9, values.cpu().contiguous().bytes.ToArray());
        _initializers.Add(tensor);
        return name;
    }

    /// <summary>The whole file. A height, width or number of images is any.</summary>
    public ProtoMessage Model(long channels, long classes, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var graph = new ProtoMessage();
        foreach (var node in _nodes)
            graph.Add(1, node);
        graph.Add(2, _name);
        foreach (var initializer in _initializers)
            graph.Add(5, initializer);
        graph.Add(11, Value(_input, "N", channels, "H", "W")).Add(12, Value(_output, "N", classes));

        var version = typeof(OnnxGraph).Assembly.GetName().Version!.ToString(fieldCount: 3);
        var model = new ProtoMessage().Add(1, IrVersion).Add(2, "ResNet.Core").Add(3, version).Add(7, graph)
            .Add(8, new ProtoMessage().Add(1, "").Add(2, OpsetVersion));
        foreach (var (key, value) in metadata)
            model.Add(14, new ProtoMessage().Add(1, key).Add(2, value));
        return model;
    }

    /// <param name="name">Of the input or output.</param>
    /// <param name="shape">Lengths, and names of those that are not fixed.</param>
    private static ProtoMessage Value(string name, params object[] shape)
    {
        var dimensions = new ProtoMessage();
        foreach (var length in shape)
            dimensions.Add(1, length is long number ? new ProtoMessage().Add(1, number) : new ProtoMessage().Add(2, (string)length));
        var tensor = new ProtoMessage().Add(1, (long)OnnxType.Float).Add(2, dimensions);
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, tensor));
    }

    private string New(string name) => _names.Add(name) ? name
        : throw new ArgumentException($"Expected names for input and output that differ and that no layer has, got '{_input}' and '{_output}': '{name}' is there twice.");
}
