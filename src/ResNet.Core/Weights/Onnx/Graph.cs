namespace ResNet.Core.Weights.Onnx;

/// <summary>The nodes of a model, joined by what goes from one to the next.</summary>
internal sealed class Graph
{
    private readonly Dictionary<string, Value> _values = [];
    private readonly List<Node> _live = [];

    /// <summary>The images.</summary>
    public Value Input { get; }

    /// <summary>Their shape, null for a length that is not fixed.</summary>
    public IReadOnlyList<long?> InputShape { get; }

    /// <summary>What the model answers.</summary>
    public Value Output { get; }

    /// <summary>The nodes on which the output depends.</summary>
    public IReadOnlyList<Node> Live => _live;

    /// <exception cref="InvalidDataException">It is no graph with one input and one output in which each node comes after those that it needs.</exception>
    public Graph(GraphProto proto, ProtoReader file)
    {
        foreach (var tensor in proto.Initializers)
            Add(tensor.Name, new Value { Constant = tensor });
        // Before version 4 of the format, initializers are inputs too.
        var inputs = proto.Inputs.Where(input => !_values.ContainsKey(input.Name)).ToList();
        if (inputs is not [var input])
            throw new InvalidDataException($"is an ONNX model with {inputs.Count} inputs{List(inputs.Select(other => other.Name))}, expected one, the images");
        if (proto.Outputs is not [var output])
            throw new InvalidDataException($"is an ONNX model with {proto.Outputs.Count} outputs{List(proto.Outputs)}, expected one, the logits");
        (Input, InputShape) = (new Value(), input.Shape);
        Add(input.Name, Input);

        foreach (var node in proto.Nodes)
            Join(node, file);
        Output = Find(output) ?? throw new InvalidDataException($"is an ONNX model whose output '{Names.Short(output)}' is made by no node");
        FindLive();

        static string List(IEnumerable<string> names) => Names.List([.. names]) is { Length: > 0 } list ? $" ({list})" : "";
    }

    private void Join(Node node, ProtoReader file)
    {
        var inputs = node.InputNames.Count == 0 ? [] : new Value?[node.InputNames.Count];
        for (var i = 0; i < inputs.Length; i++)
            if (node.InputNames[i] is { Length: > 0 } name)
                inputs[i] = Find(name) ?? throw new InvalidDataException($"is an ONNX model with {node} that reads '{Names.Short(name)}', which is no initializer and no node before it makes");
        node.Inputs = inputs;

        var outputs = new Value[node.OutputNames.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = i == 0 ? Result(node, file) : new Value { Producer = node };
            if (node.OutputNames[i].Length > 0)
                Add(node.OutputNames[i], outputs[i]);
        }
        node.Outputs = outputs;

        // Who asks for a shape alone has no part in what is computed of the values.
        if (node.Type != "Shape")
            foreach (var input in node.Inputs)
                input?.AddConsumer(node);
    }

    /// <summary>What comes out of a node. What it does not change it gives on.</summary>
    private static Value Result(Node node, ProtoReader file) => (node.Type, node.Inputs) switch
    {
        ("Identity", [{ } same]) => same,
        // To float32 or float64. Another type may have fewer bits, and these stay lost.
        ("Cast", [{ Constant: null } same]) when node.Find("to")?.Int is 1 or 11 => same,
        // PyTorch writes one before an AvgPool2d.
        ("Pad", [{ } same]) when node.Find("pads") is { Ints: [_, ..] pads } && pads.All(pad => pad == 0) => same, // until opset 10
        ("Pad", [{ } same, { Constant: { } pads }, ..]) when pads.Numbers(file)?.All(pad => pad == 0) == true => same,
        ("Dropout", [{ } same, ..]) when node.Inputs.Count < 3 => same, // and is not told to train
        ("Constant", []) when node.Find("value")?.Tensor is { } tensor => new Value { Constant = tensor },
        ("Transpose", [{ Constant: { Shape: [_, _] } matrix } value]) when node.Find("perm") is null or { Ints: [1, 0] } => new Value { Constant = matrix, IsTransposed = !value.IsTransposed },
        _ => new Value { Producer = node },
    };

    private Value? Find(string name) => _values.GetValueOrDefault(name);

    private void Add(string name, Value value)
    {
        if (!_values.TryAdd(name, value))
            throw new InvalidDataException($"is an ONNX model in which '{Names.Short(name)}' is made twice");
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
