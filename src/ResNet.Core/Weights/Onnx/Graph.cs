using ResNet.Core.Onnx;

namespace ResNet.Core.Weights.Onnx;

/// <summary>The nodes of a model, connected by their values.</summary>
internal sealed class Graph
{
    private readonly Dictionary<string, Value> _values = [];
    private readonly List<Node> _live = [];

    /// <summary>The model's input, the images.</summary>
    public Value Input { get; }

    /// <summary>The shape of the input, with null for dynamic dimensions.</summary>
    public IReadOnlyList<long?> InputShape { get; }

    /// <summary>The model's output, the logits.</summary>
    public Value Output { get; }

    /// <summary>The nodes that the output depends on.</summary>
    public IReadOnlyList<Node> Live => _live;

    /// <exception cref="InvalidDataException">The graph does not have exactly one input and one output, or is not topologically sorted.</exception>
    public Graph(GraphProto proto, ProtoReader file)
    {
        foreach (var tensor in proto.Initializers)
            Add(tensor.Name, new Value { Constant = tensor });
        // Before IR version 4, initializers are listed as inputs too.
        var inputs = proto.Inputs.Where(input => !_values.ContainsKey(input.Name)).ToList();
        if (inputs is not [var input])
            throw new InvalidDataException($"is an ONNX model with {inputs.Count} inputs{List(inputs.Select(other => other.Name))}, expected one, the images");
        if (proto.Outputs is not [var output])
            throw new InvalidDataException($"is an ONNX model with {proto.Outputs.Count} outputs{List(proto.Outputs)}, expected one, the logits");
        (Input, InputShape) = (new Value(), input.Shape);
        Add(input.Name, Input);

        foreach (var node in proto.Nodes)
            Join(node, file);
        Output = Find(output) ?? throw new InvalidDataException($"is an ONNX model whose output '{Names.Shorten(output)}' no node computes");
        FindLive();

        static string List(IEnumerable<string> names) => Names.Join([.. names]) is { Length: > 0 } list ? $" ({list})" : "";
    }

    private void Join(Node node, ProtoReader file)
    {
        var inputs = node.InputNames.Count == 0 ? [] : new Value?[node.InputNames.Count];
        for (var i = 0; i < inputs.Length; i++)
            if (node.InputNames[i] is { Length: > 0 } name)
                inputs[i] = Find(name) ?? throw new InvalidDataException($"is an ONNX model with {node} that reads '{Names.Shorten(name)}', which is not an initializer and which no earlier node computes");
        node.Inputs = inputs;

        var outputs = new Value[node.OutputNames.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = i == 0 ? ResolveResult(node, file) : new Value { Producer = node };
            if (node.OutputNames[i].Length > 0)
                Add(node.OutputNames[i], outputs[i]);
        }
        node.Outputs = outputs;

        // A Shape node does not read the values themselves.
        if (node.Type != "Shape")
            foreach (var input in node.Inputs)
                input?.AddConsumer(node);
    }

    /// <summary>The first output of a node. A node that changes nothing passes its input on.</summary>
    private static Value ResolveResult(Node node, ProtoReader file) => (node.Type, node.Inputs) switch
    {
        ("Identity", [{ } same]) => same,
        // A cast to float32 or float64 loses nothing; other types may have fewer bits.
        ("Cast", [{ Constant: null } same]) when node.Find("to")?.Int is (long)OnnxDataType.Float or (long)OnnxDataType.Double => same,
        // PyTorch writes an empty Pad before an AvgPool2d.
        ("Pad", [{ } same]) when node.Find("pads") is { Ints: [_, ..] pads } && pads.All(pad => pad == 0) => same, // until opset 10
        ("Pad", [{ } same, { Constant: { } pads }, ..]) when pads.ReadNumbers(file)?.All(pad => pad == 0) == true => same,
        ("Dropout", [{ } same, ..]) when node.Inputs.Count < 3 => same, // not in training mode
        ("Constant", []) when node.Find("value")?.Tensor is { } tensor => new Value { Constant = tensor },
        ("Transpose", [{ Constant: { Shape: [_, _] } matrix } value]) when node.Find("perm") is null or { Ints: [1, 0] } => new Value { Constant = matrix, IsTransposed = !value.IsTransposed },
        _ => new Value { Producer = node },
    };

    private Value? Find(string name) => _values.GetValueOrDefault(name);

    private void Add(string name, Value value)
    {
        if (!_values.TryAdd(name, value))
            throw new InvalidDataException($"is an ONNX model in which '{Names.Shorten(name)}' is defined twice");
    }

    private void FindLive()
    {
        var next = new Stack<Value>([Output]);
        while (next.TryPop(out var value))
            if (value.Producer is { IsLive: false } node)
            {
                node.IsLive = true;
                _live.Add(node);
                foreach (var input in node.Inputs)
                    if (input is not null)
                        next.Push(input);
            }
    }
}
