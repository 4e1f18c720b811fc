using ResNet.Core.Family;

namespace ResNet.Core.Weights.Onnx;

/// <summary>
/// Finds the stem, the blocks and the classifier of a residual network in a graph by what the nodes compute, regardless of their names. Nodes before and
/// after the network become entries without a tensor.
/// </summary>
internal sealed class NetworkReader
{
    private readonly Graph _graph;
    private readonly ProtoReader _file;
    private readonly List<(string Name, StoredTensor? Tensor)> _entries = [];
    private Value _x;
    private long _channels;
    private SpatialSize _size;

    private NetworkReader(Graph graph, ProtoReader file) => (_graph, _file, _x) = (graph, file, graph.Input);

    /// <summary>The tensors under this library's names, and the nodes that are not part of the network.</summary>
    public IReadOnlyList<(string Name, StoredTensor? Tensor)> Entries => _entries;

    /// <summary>The network's stem.</summary>
    public Stem Stem { get; private set; }

    /// <summary>The number of classes; null without a classifier.</summary>
    public long? Classes { get; private set; }

    /// <exception cref="InvalidDataException">The graph is not a residual network with this library's stems and blocks.</exception>
    public static NetworkReader Read(Graph graph, ProtoReader file)
    {
        var network = new NetworkReader(graph, file);
        foreach (var node in graph.Live)
            Refuse(node);
        network.ReadStem(network.FindFirst());
        network.ReadBlocks();
        network.ReadHead();
        return network;
    }

    private static void Refuse(Node node)
    {
        if (node.HasGraph)
            throw node.Unexpected("no node with a graph of its own", "one");
        if (node.Type.Contains("QuantizeLinear", StringComparison.Ordinal) || node.Type.StartsWith("QLinear", StringComparison.Ordinal) || node.Type is "ConvInteger" or "MatMulInteger")
            throw new InvalidDataException($"is a quantized ONNX model ({node}), expected floating-point weights; load the model that it was made from");
    }

    /// <summary>Finds the first convolution. Operators on the images before it are not part of the network.</summary>
    private Node FindFirst()
    {
        var (before, first) = Follow(_x, until: "Conv");
        if (first.Count != 1 && before.Find(node => node.IsForeign) is { } foreign)
            throw foreign.Unexpected("one of ONNX's own operators", "one of another domain or one of the model's own functions; export the model without functions, or load it as it was before optimization");
        if (first.Count != 1)
            throw new InvalidDataException($"is an ONNX model that begins with {first.Count} parallel convolutions, expected one, as in a residual network");

        var conv = first.Single();
        AddNodes(before, "before conv1");
        _size = before.TrueForAll(KeepsSize) && _graph.InputShape is [_, _, var height, var width] ? new(height, width) : default;
        _x = conv.Inputs.Count > 0 && conv.Inputs[0] is { } x ? x : _x;
        return conv;
    }

    /// <summary>Whether the output is as high and wide as the input, as for subtracting a mean or reordering channels.</summary>
    private bool KeepsSize(Node node) => node.Type switch
    {
        "Add" or "Sub" or "Mul" or "Div" => node.Inputs.All(input => input?.Constant is not { } constant || constant.Shape is [] or [_, 1, 1] or [_, _, 1, 1] || EndsAlike(constant.Shape)),
        "Split" or "Concat" => node.Find("axis")?.Int is 1,
        "Cast" => true,
        _ => false,
    };

    private bool EndsAlike(long[] shape) => _graph.InputShape is [_, _, { } height, { } width] && shape is [.., var rows, var columns] && (rows, columns) == (height, width);

    private void ReadStem(Node first)
    {
        var conv = Convolution.Read(first, _x, channels: null, _size);
        Stem = (conv.Window, conv.Groups) switch
        {
            ({ Kernel: 7, Stride: 2, Padding: 3 }, 1) => Stem.Conv7,
            ({ Kernel: 3, Stride: 1, Padding: 1 }, 1) => Stem.Conv3,
            var (window, _) => throw first.Unexpected("a first convolution of 7x7 with stride 2 and padding 3, or of 3x3 with stride 1 and padding 1",
                $"{window.Kernel}x{window.Kernel} with stride {window.Stride}, padding {window.Padding} and {conv.Groups} groups"),
        };
        if (conv.Output.Consumer is not { Type: "Relu" } relu)
            throw first.Unexpected("a ReLU after the first convolution", $"{Names.Join([.. conv.Output.Consumers.Select(node => $"{node}")])}");
        _entries.AddRange(conv.ListTensors("conv1", "bn1"));
        (_x, _channels, _size) = (relu.Output, conv.OutChannels, conv.Size);

        if (_x.Consumer is { Type: "MaxPool" } pool)
        {
            pool.ExpectOnly([.. Window.Attributes, "ceil_mode", "storage_order"]);
            pool.Expect("ceil_mode", 0);
            if (Window.Read(pool, kernel: null, _size) is var window && (window != new Window(Kernel: 3, Stride: 2, Padding: 1) || Stem != Stem.Conv7))
                throw pool.Unexpected("3x3 with stride 2 and padding 1, after a 7x7 convolution", $"{window.Kernel}x{window.Kernel} with stride {window.Stride} and padding {window.Padding}");
            Stem = Stem.Conv7MaxPool;
            (_x, _size) = (pool.Output, _size.ApplyWindow(window));
        }
    }

    /// <summary>Reads the blocks. A stride of 2 starts the next layer.</summary>
    private void ReadBlocks()
    {
        var before = "the stem";
        for (var (layer, index) = (1, 0); _x.Consumers.Skip(1).Any(); index++)
        {
            var block = ResidualBlock.Read(before, _x, _channels, _size);
            if (block.Stride > 1 && (layer, index) == (1, 0))
                throw block.Branch[0].Node.Unexpected("stride 1 in the first block", $"{block.Stride}");
            if (block.Stride > 1)
                (layer, index) = (layer + 1, 0);
            before = $"layer{layer}.{index}";
            _entries.AddRange(block.ListTensors(before, ShortcutName.Own));
            (_x, _channels, _size) = (block.Output, block.Branch[^1].OutChannels, block.Branch[^1].Size);
        }
        if (_x.Consumer is { Type: "Conv" } plain)
            throw plain.Unexpected($"a shortcut around it after {before}, as in a residual network", "none");
    }

    private void ReadHead()
    {
        if (_x.Consumer is not { } pool || !IsAveragePool(pool))
        {
            AddRest("after the last block");
            return;
        }
        _x = pool.Output;
        // Only one pixel is left, so every reshape keeps a row of channels.
        while (_x.Consumer is { Type: "Flatten" or "Reshape" or "Squeeze", Inputs: [var data, ..] } flatten && data == _x)
            _x = flatten.Output;
        if (_x.Consumer is { } linear && Linear.Find(linear, _x, _channels) is { } fc)
        {
            _entries.AddRange([(NetworkDescription.Classifier, fc.Weight), ("fc.bias", fc.Bias)]);
            (_x, Classes) = (fc.Output, fc.Weight.Shape[0]);
            AddRest("after fc");
        }
        else
        {
            AddRest("after avgpool");
        }
    }

    private bool IsAveragePool(Node pool)
    {
        switch (pool.Type)
        {
            case "GlobalAveragePool":
                return true;
            case "ReduceMean":
                pool.ExpectOnly("axes", "keepdims", "noop_with_empty_axes");
                var axes = pool.Find("axes")?.Ints ?? (pool.Inputs is [_, { Constant: { } tensor }] ? tensor.ReadNumbers(_file) : null);
                return axes is [2 or -2, 3 or -1] or [3 or -1, 2 or -2] ? true : throw pool.Unexpected("axes (2, 3)", $"({string.Join(", ", axes ?? [])})");
            case "AveragePool":
                pool.ExpectOnly([.. Window.Attributes, "ceil_mode", "count_include_pad"]);
                // Stride and count_include_pad do not matter if the window covers the whole image.
                var kernel = pool.Find("kernel_shape")?.Ints;
                if (kernel is not [var height, var width] || (height, width) != (_size.Height, _size.Width))
                    throw pool.Unexpected($"a window as large as its input, {(_size is { Height: { } rows, Width: { } columns } ? $"({rows}, {columns})" : "whose size is not fixed")}", $"({string.Join(", ", kernel ?? [])})");
                return Window.Read(pool, kernel: null, _size).Padding is not 0 and var padding ? throw pool.Unexpected("padding 0", $"{padding}") : true;
            default:
                return false;
        }
    }

    /// <summary>Adds the nodes that are left before the output.</summary>
    private void AddRest(string where) => AddNodes(Follow(_x, until: null).Before, where);

    /// <summary>Follows a value to all nodes that depend on it.</summary>
    /// <param name="from">The value.</param>
    /// <param name="until">The node type to stop at; null to follow to the end.</param>
    private static (List<Node> Before, HashSet<Node> Ends) Follow(Value from, string? until)
    {
        var (before, ends, seen, next) = (new List<Node>(), new HashSet<Node>(), new HashSet<Node>(), new Queue<Value>([from]));
        while (next.TryDequeue(out var value))
            foreach (var node in value.Consumers)
                if (node.Type == until)
                {
                    ends.Add(node);
                }
                else if (seen.Add(node))
                {
                    before.Add(node);
                    foreach (var output in node.Outputs)
                        next.Enqueue(output);
                }
        return (before, ends);
    }

    private void AddNodes(IEnumerable<Node> nodes, string where) => _entries.AddRange(nodes.Select(node => ($"{node} {where}", null as StoredTensor)));
}
