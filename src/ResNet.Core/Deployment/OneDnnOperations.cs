using System.Globalization;
using System.Text;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network down as TorchScript in which a convolution, its bias and residual addition are one call of oneDNN: line by line, as
/// the serialised form of TorchScript has no functions of its own.
/// </summary>
/// <remarks>
/// oneDNN would apply a ReLU in the same call, but its own turns NaN into 0, and an image with NaN would get an answer like any other.
/// libtorch's keeps it, in place and as fast: what the convolution wrote is still in the cache.
/// </remarks>
internal sealed class OneDnnOperations : INetworkOperations<FeatureMap>
{
    private const string None = "annotate(List[Optional[number]], []), None"; // an activation's parameters and variant

    private readonly List<(FoldedConvolution Convolution, FeatureMap Input)> _convolutions = [];
    private readonly StringBuilder _lines = new();
    private int _values;

    /// <summary>In the order in which the script takes their weights and biases, one after another.</summary>
    public IReadOnlyList<(FoldedConvolution Convolution, FeatureMap Input)> Convolutions => _convolutions;

    /// <summary>The forward pass.</summary>
    /// <param name="x">The input.</param>
    /// <param name="logits">The result.</param>
    public string Script(FeatureMap x, FeatureMap logits) => $"""
        def forward(self, {x.Name}: Tensor, w: List[Tensor]) -> Tensor:
        {_lines}    return {logits.Name}
        """;

    public FeatureMap Convolve(FoldedConvolution convolution, FeatureMap x, bool relu)
    {
        var y = $"ops.mkldnn._convolution_pointwise({x.Name}, {Arguments(convolution, x)}, \"none\", {None})";
        return Line(relu ? $"torch.relu_({y})" : y, Output(convolution, x));
    }

    /// <summary>In the place of the shortcut.</summary>
    public FeatureMap ConvolveAdd(string name, FoldedConvolution convolution, FeatureMap x, Func<FeatureMap> shortcut)
    {
        var sum = shortcut();
        return Line(
            $"torch.relu_(ops.mkldnn._convolution_pointwise_({sum.Name}, {x.Name}, {Arguments(convolution, x)}, \"add\", 1.0, None, {None}))",
            Output(convolution, x));
    }

    public FeatureMap MaxPool(FoldedMaxPool pool, FeatureMap x) => Line(
        $"torch.max_pool2d({x.Name}, {Both(pool.Kernel)}, {Both(pool.Stride)}, {Both(pool.Padding)}, [1, 1], False)",
        x.Through(pool.Kernel, pool.Stride, pool.Padding));

    /// <summary>And what follows, in float32.</summary>
    public FeatureMap AveragePool(string name, FeatureMap x) =>
        Line($"torch.flatten(torch.adaptive_avg_pool2d(torch.to({x.Name}, {(int)ScalarType.Float32}), [1, 1]), 1)", x);

    public FeatureMap Linear(FoldedLinear linear, FeatureMap x) => Line($"torch.linear({x.Name}, w[-2], w[-1])", x);

    private static FeatureMap Output(FoldedConvolution convolution, FeatureMap x) =>
        x.Through(convolution.Kernel, convolution.Stride, convolution.Padding);

    /// <summary>Weight, bias, padding, stride, dilation, groups.</summary>
    private string Arguments(FoldedConvolution convolution, FeatureMap x)
    {
        var index = 2 * _convolutions.Count;
        _convolutions.Add((convolution, x));
        var (rows, columns) = x.Taps(convolution);
        return string.Create(CultureInfo.InvariantCulture,
            $"w[{index}], w[{index + 1}], [{rows.Padding}, {columns.Padding}], {Both(convolution.Stride)}, [1, 1], {convolution.Groups}");
    }

    private static string Both(long number) => $"[{number}, {number}]";

    private FeatureMap Line(string expression, FeatureMap like)
    {
        var name = $"v{_values++}";
        _lines.Append("    ").Append(name).Append(" = ").Append(expression).Append('\n');
        return like with { Name = name };
    }
}
