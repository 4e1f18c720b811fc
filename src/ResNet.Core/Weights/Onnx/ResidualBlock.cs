namespace ResNet.Core.Weights.Onnx;

/// <summary>A residual block of the graph: <c>relu(branch(x) + shortcut(x))</c>.</summary>
/// <param name="Branch">Two or three convolutions.</param>
/// <param name="Shortcut">The shortcut's convolution; null for the identity.</param>
/// <param name="Stride">The stride of the whole block, 1 or 2.</param>
/// <param name="Output">The block's output.</param>
internal sealed record ResidualBlock(IReadOnlyList<Convolution> Branch, Convolution? Shortcut, long Stride, Value Output)
{
    private static readonly long[][] kernels = [[3, 3], [1, 3, 1]]; // BasicBlock's and Bottleneck's

    /// <param name="before">The part before the block, such as <c>layer1.0</c>, for messages. The block's own name depends on its stride.</param>
    /// <param name="x">The block's input, which more than one node reads.</param>
    /// <param name="channels">The channels of <paramref name="x"/>.</param>
    /// <param name="size">Height and width of <paramref name="x"/>.</param>
    /// <exception cref="InvalidDataException">The block is not one that this library has.</exception>
    public static ResidualBlock Read(string before, Value x, long channels, SpatialSize size)
    {
        var readers = x.Consumers.ToList();
        var chains = readers.Where(reader => reader.Type == "Conv").Select(reader => ReadChain(reader, x, channels, size)).OrderByDescending(chain => chain.Convolutions.Count).ToList();
        var add = chains.FirstOrDefault().Add;
        if (readers.Count != 2 || add is null || (chains.Count == 1 ? !readers.Contains(add) : chains[1].Add != add))
            throw new InvalidDataException($"is an ONNX model with an unknown block after {before}: expected two or three convolutions and a shortcut, added, got {Names.Join([.. readers.Select(reader => $"{reader}")])}{DescribePreActivation(readers)}");
        var (branch, shortcut) = (chains[0].Convolutions, chains.ElementAtOrDefault(1).Convolutions);
        if (branch.Count < 2 || shortcut is { Count: not 1 } || !kernels.Any(kind => kind.SequenceEqual(branch.Select(convolution => convolution.Window.Kernel))))
            throw Unexpected(before, "convolutions of 3x3 and 3x3, as in BasicBlock, or of 1x1, 3x3 and 1x1, as in Bottleneck, and at most one in the shortcut",
                $"{FormatKernels(branch)} and {(shortcut is null ? "none" : FormatKernels(shortcut))}");

        var block = new ResidualBlock(branch, shortcut?[0], branch.Max(convolution => convolution.Window.Stride), FindRelu(add, before));
        block.Check(before, channels);
        return block;
    }

    private void Check(string before, long channels)
    {
        // A Bottleneck has its stride in the 3x3 convolution, a BasicBlock in the first of the two.
        var strided = Branch.First(convolution => convolution.Window.Kernel == 3);
        foreach (var convolution in Branch)
            Check(convolution, convolution.Window.Kernel, convolution == strided ? Stride : 1, convolution == strided && Branch.Count == 3 ? convolution.Groups : 1);
        if (Shortcut is not null)
            Check(Shortcut, kernel: 1, Stride, groups: 1);
        if (Stride > 2 || (Shortcut?.OutChannels ?? channels) != Branch[^1].OutChannels || (Shortcut is null && Stride != 1))
            throw Unexpected(before, "a stride of 1 or 2 and a shortcut of the same shape as the branch", $"a stride of {Stride}, and {Shortcut?.OutChannels ?? channels} and {Branch[^1].OutChannels} channels");

        void Check(Convolution convolution, long kernel, long stride, long groups)
        {
            var window = new Window(kernel, stride, (kernel - 1) / 2);
            if (convolution.Window != window || convolution.Groups != groups)
                throw convolution.Node.Unexpected(
                    $"a {Describe(window, groups)} in the block after {before}",
                    $"a {Describe(convolution.Window, convolution.Groups)}{(Branch.Count == 3 && Branch[0].Window.Stride > 1 ? "; a stride in the first 1x1 is the original version of the block (ResNet v1, Caffe, MXNet), whereas Bottleneck has it in the 3x3, as in torchvision" : "")}");
        }
    }

    /// <summary>The tensors of the block under their names in a network.</summary>
    public IEnumerable<(string Name, StoredTensor? Tensor)> ListTensors(string name, string shortcut) =>
        Branch.SelectMany((convolution, i) => convolution.ListTensors($"{name}.conv{i + 1}", $"{name}.bn{i + 1}")).Concat(Shortcut?.ListTensors($"{name}.{shortcut}.0", $"{name}.{shortcut}.1") ?? []);

    /// <summary>Reads convolutions with a ReLU between each two, up to an addition.</summary>
    private static (List<Convolution> Convolutions, Node Add) ReadChain(Node first, Value x, long channels, SpatialSize size)
    {
        var convolutions = new List<Convolution>();
        for (var node = first; ;)
        {
            var convolution = Convolution.Read(node, x, channels, size);
            convolutions.Add(convolution);
            if (convolution.Output.Addition is { } add)
                return (convolutions, add);
            var next = convolution.Output.Consumer;
            if (next is not { Type: "Relu", Output.Consumer: { Type: "Conv" } following })
                throw node.Unexpected("a ReLU and another convolution after it, or an addition", Names.Join([.. (next is { Type: "Relu" } ? next.Output : convolution.Output).Consumers.Select(other => $"{other}")]));
            (node, x, channels, size) = (following, next.Output, convolution.OutChannels, convolution.Size);
        }
    }

    private static Value FindRelu(Node add, string before)
    {
        add.ExpectOnly();
        return add.Output.Consumer is { Type: "Relu" } relu ? relu.Output
            : throw Unexpected(before, $"a ReLU after {add}", $"{Names.Join([.. add.Output.Consumers.Select(node => $"{node}")])}{DescribePreActivation(add.Output.Consumers)}");
    }

    private static string DescribePreActivation(IEnumerable<Node> nodes) =>
        nodes.Any(node => node.Type == "BatchNormalization") ? "; a batch norm there belongs to a pre-activation network (ResNet v2), which this library does not have" : "";

    private static string Describe(Window window, long groups) => $"{window.Kernel}x{window.Kernel} with stride {window.Stride}, padding {window.Padding} and {groups} group{(groups == 1 ? "" : "s")}";

    private static string FormatKernels(IEnumerable<Convolution> convolutions) => string.Join(", ", convolutions.Select(convolution => $"{convolution.Window.Kernel}x{convolution.Window.Kernel}").Take(5));

    private static InvalidDataException Unexpected(string before, string expected, string got) => new($"is an ONNX model with an unknown block after {before}: expected {expected}, got {got}");
}
