namespace ResNet.Core.Weights.Onnx;

/// <summary>A convolution of the graph and the batch norm after it, if any.</summary>
/// <param name="Node">The convolution node.</param>
/// <param name="Weight">Shape (out_channels, in_channels / groups, kernel, kernel).</param>
/// <param name="Bias">Shape (out_channels); null if the convolution has no bias.</param>
/// <param name="Norm">The batch norm's weight, bias, mean and variance; null if it is folded into the convolution.</param>
/// <param name="Groups">The number of groups.</param>
/// <param name="Window">Kernel size, stride and padding.</param>
/// <param name="Output">The output of the batch norm, or of the convolution if there is none.</param>
/// <param name="Size">Height and width of the output.</param>
internal sealed record Convolution(Node Node, StoredTensor Weight, StoredTensor? Bias, IReadOnlyList<StoredTensor>? Norm, long Groups, Window Window, Value Output, SpatialSize Size)
{
    /// <summary>PyTorch's default, which all networks of this library use.</summary>
    public const double Epsilon = 1e-5;

    public long OutChannels => Weight.Shape[0];

    /// <param name="node">A node that reads <paramref name="x"/>.</param>
    /// <param name="x">The expected input of the convolution.</param>
    /// <param name="channels">The channels of <paramref name="x"/>; null accepts any number.</param>
    /// <param name="size">Height and width of <paramref name="x"/>.</param>
    /// <exception cref="InvalidDataException">The node is not a convolution, or not one that this library has.</exception>
    public static Convolution Read(Node node, Value x, long? channels, SpatialSize size)
    {
        if (node.Type != "Conv" || node.Inputs is not [var data, { Constant: { } weights }, ..] || data != x)
            throw node.Unexpected("a convolution with weights that are in the file", "another operator or computed weights");
        node.ExpectOnly([.. Window.Attributes, "group"]);
        var weight = weights.GetElements($"the weights of {node}");
        var groups = node.GetInt("group", 1);
        if (weight.Shape is not [>= 1 and var outChannels, >= 1 and var inChannels, >= 1 and var kernel, var width] || kernel != width)
            throw node.Unexpected("weights of shape (out_channels, in_channels, kernel, kernel)", $"({string.Join(", ", weight.Shape)})");
        if (groups < 1 || outChannels % groups != 0)
            throw node.Unexpected("out_channels divisible by the number of groups", $"shape ({string.Join(", ", weight.Shape)}) in {groups} groups");
        if (channels is { } known && (known % groups != 0 || known / groups != inChannels))
            throw node.Unexpected($"weights for {channels} channels", $"shape ({string.Join(", ", weight.Shape)}) in {groups} groups");
        var bias = node.Inputs.Count > 2 && node.Inputs[2] is not null ? ReadVector(node, 2, "bias", outChannels) : null;

        var window = Window.Read(node, kernel, size);
        var convolution = new Convolution(node, weight, bias, Norm: null, groups, window, node.Output, size.ApplyWindow(window));
        return convolution.Output.Consumer is { Type: "BatchNormalization" } norm ? convolution.AddNorm(norm) : convolution;
    }

    private Convolution AddNorm(Node norm)
    {
        norm.ExpectOnly("epsilon", "momentum", "spatial", "training_mode");
        norm.Expect("epsilon", (float)Epsilon);
        norm.Expect("spatial", 1);
        if (Bias is not null)
            throw norm.Unexpected($"{Node} before it without a bias", "one with a bias");
        if (norm.Inputs is not [var data, _, _, _, _] || data != Output)
            throw norm.Unexpected("the convolution's output and four tensors", "other inputs");
        return this with
        {
            Norm = [.. from tensor in ((int Index, string Name)[])[(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")] select ReadVector(norm, tensor.Index, tensor.Name, OutChannels)],
            Output = norm.Output,
        };
    }

    /// <summary>The tensors of the convolution and the batch norm under their names in a network.</summary>
    /// <remarks>A folded batch norm is replaced by one that adds the bias and changes nothing else in eval mode.</remarks>
    public IEnumerable<(string Name, StoredTensor? Tensor)> ListTensors(string conv, string norm)
    {
        StoredTensor[] tensors = Norm is not null ? [.. Norm] : [CreateConstant("weight", 1), Bias ?? CreateConstant("bias", 0), CreateConstant("running_mean", 0), CreateConstant("running_var", 1 - Epsilon)];
        return [($"{conv}.weight", Weight), ($"{norm}.weight", tensors[0]), ($"{norm}.bias", tensors[1]), ($"{norm}.running_mean", tensors[2]), ($"{norm}.running_var", tensors[3])];

        StoredTensor CreateConstant(string name, double value) => StoredTensor.CreateConstant($"{norm}.{name}", value, OutChannels);
    }

    private static StoredTensor ReadVector(Node node, int input, string name, long length)
    {
        if (node.Inputs[input] is not { Constant: { } constant })
            throw node.Unexpected($"a {name} that is in the file", "a computed one");
        return constant.GetElements($"the {name} of {node}") is { Shape: [var got] } vector && got == length ? vector
            : throw node.Unexpected($"a {name} of shape ({length})", $"({string.Join(", ", constant.Shape)})");
    }
}
