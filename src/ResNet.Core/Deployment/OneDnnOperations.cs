using System.Text;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network down as TorchScript in which a convolution, its bias and residual addition are one call of oneDNN: line by line, as
/// the serialised form of TorchScript has no functions of its own.
/// </summary>
/// <remarks>
/// oneDNN would apply a ReLU in the same call, but its own turns NaN into 0, and an image with NaN would get an answer like any other.
/// libtorch's keeps it, in place and as fast: what the convolution wrote is still in the cache.
/// </remarks>
internal sealed class OneDnnOperations : INetworkOperations<string>
{
    private const string None = "annotate(List[Optional[number]], []), None"; // an activation's parameters and variant

    private readonly List<FoldedConvolution> _convolutions = [];
    private readonly StringBuilder _lines = new();
    private int _values;

    /// <summary>In the order in which the script takes their weights and biases, one after another.</summary>
    public IReadOnlyList<FoldedConvolution> Convolutions => _convolutions;

    /// <summary>Two methods: one packs a convolution's weights, one is the forward pass.</summary>
    /// <param name="x">What the input is called.</param>
    /// <param name="logits">What the result is called.</param>
    public string Script(string x, string logits) => $"""
        def pack(self, weight: Tensor, stride: int, padding: int, groups: int) -> Tensor:
            return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(weight), [padding, padding], [stride, stride], [1, 1], groups)
        def forward(self, {x}: Tensor, w: List[Tensor], fc_weight: Tensor, fc_bias: Tensor) -> Tensor:
        {_lines}    return {logits}
        """;

    public string Convolve(FoldedConvolution convolution, string x, bool relu)
    {
        var y = $"ops.mkldnn._convolution_pointwise({x}, {Arguments(convolution)}, \"none\", {None})";
        return Line(relu ? $"torch.relu_({y})" : y);
    }

    /// <summary>In the place of the shortcut.</summary>
    public string ConvolveAdd(string name, FoldedConvolution convolution, string x, Func<string> shortcut)
    {
        var sum = shortcut();
        return Line($"torch.relu_(ops.mkldnn._convolution_pointwise_({sum}, {x}, {Arguments(convolution)}, \"add\", 1.0, None, {None}))");
    }

    public string MaxPool(FoldedMaxPool pool, string x) =>
        Line($"torch.max_pool2d({x}, {Both(pool.Kernel)}, {Both(pool.Stride)}, {Both(pool.Padding)}, [1, 1], False)");

    public string AveragePool(string name, string x) => Line($"torch.flatten(torch.adaptive_avg_pool2d({x}, [1, 1]), 1)");

    public string Linear(FoldedLinear linear, string x) => Line($"torch.linear({x}, fc_weight, fc_bias)");

    /// <summary>Weight, bias, padding, stride, dilation, groups.</summary>
    private string Arguments(FoldedConvolution convolution)
    {
        var index = 2 * _convolutions.Count;
        _convolutions.Add(convolution);
        return $"w[{index}], w[{index + 1}], {Both(convolution.Padding)}, {Both(convolution.Stride)}, [1, 1], {convolution.Groups}";
    }

    private static string Both(long number) => $"[{number}, {number}]";

    private string Line(string expression)
    {
        var name = $"v{_values++}";
        _lines.Append("    ").Append(name).Append(" = ").Append(expression).Append('\n');
        return name;
    }
}
