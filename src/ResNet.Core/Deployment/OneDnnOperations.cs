using static ResNet.Core.Deployment.ScriptLines;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network as TorchScript in which a convolution, its bias and residual addition are one call of oneDNN. The script is one flat function, since the
/// serialized form of TorchScript does not allow others.
/// </summary>
/// <remarks>
/// oneDNN could apply the ReLU in the same call, but its ReLU turns NaN into 0, so an image with NaN would get an ordinary output. libtorch's in-place ReLU preserves NaN
/// and is as fast, since the output of the convolution is still in the cache.
/// </remarks>
internal sealed class OneDnnOperations : INetworkOperations<FeatureMap>
{
    private const string None = "annotate(List[Optional[number]], []), None"; // parameters and variant of an activation

    private readonly List<OneDnnConvolution> _convolutions = [];
    private readonly ScriptLines _lines = new();

    /// <summary>The convolutions, in the order of their weights and biases in the arguments of the script.</summary>
    public IReadOnlyList<OneDnnConvolution> Convolutions => _convolutions;

    /// <summary>Returns the source of the forward pass.</summary>
    /// <param name="x">The input.</param>
    /// <param name="logits">The result.</param>
    public string ToScript(FeatureMap x, FeatureMap logits) => $"""
        def forward(self, {x.Name}: Tensor, w: List[Tensor]) -> Tensor:
        {_lines}    return {logits.Name}
        """;

    public FeatureMap Convolve(FoldedConvolution convolution, FeatureMap x, bool relu)
    {
        var how = new OneDnnConvolution(convolution, x);
        var y = $"ops.mkldnn._convolution_pointwise({AddInput(how)}, {AddArguments(how)}, \"none\", {None})";
        if (how.IsMatrix)
            y = $"torch.permute(torch.reshape(torch.permute({y}, [0, 2, 3, 1]), [{FormatShape(how.Output)}, {convolution.OutChannels}]), [0, 3, 1, 2])";
        return AddLine(relu ? $"torch.relu_({y})" : y, how.Output);
    }

    /// <summary>Computes the sum in the memory of the shortcut.</summary>
    public FeatureMap ConvolveAdd(string name, FoldedConvolution convolution, FeatureMap x, Func<FeatureMap> shortcut)
    {
        var sum = shortcut();
        var how = new OneDnnConvolution(convolution, x);
        var place = how.IsMatrix ? AddRows(sum, convolution.OutChannels, "view").Name : sum.Name;
        var y = AddLine($"ops.mkldnn._convolution_pointwise_({place}, {AddInput(how)}, {AddArguments(how)}, \"add\", 1.0, None, {None})", how.Output);
        return AddLine($"torch.relu_({(how.IsMatrix ? sum : y).Name})", how.Output);
    }

    public FeatureMap MaxPool(FoldedMaxPool pool, FeatureMap x) => AddLine(
        $"torch.max_pool2d({x.Name}, {FormatPair(pool.Kernel)}, {FormatPair(pool.Stride)}, {FormatPair(pool.Padding)}, [1, 1], False)",
        x.ApplyWindow(pool.Kernel, pool.Stride, pool.Padding));

    /// <summary>Computes the mean, and everything after it, in float32.</summary>
    public FeatureMap AveragePool(string name, FeatureMap x) =>
        AddLine($"torch.flatten(torch.adaptive_avg_pool2d(torch.to({x.Name}, {(int)ScalarType.Float32}), [1, 1]), 1)", x);

    public FeatureMap ApplyLinear(FoldedLinear linear, FeatureMap x) => AddLine($"torch.linear({x.Name}, w[-2], w[-1])", x);

    /// <summary>The arguments weight, bias, padding, stride, dilation and groups.</summary>
    private string AddArguments(OneDnnConvolution convolution)
    {
        var index = 2 * _convolutions.Count;
        _convolutions.Add(convolution);
        var (rows, columns) = convolution.Taps;
        var folded = convolution.Convolution;
        return $"w[{index}], w[{index + 1}], " + (convolution.IsMatrix
            ? "[0, 0], [1, 1], [1, 1], 1" : $"[{rows.Padding}, {columns.Padding}], {FormatPair(folded.Stride)}, [1, 1], {folded.Groups}");
    }

    private string AddInput(OneDnnConvolution convolution) =>
        (convolution.IsMatrix ? AddRows(convolution.Input, convolution.Convolution.InChannels, "reshape") : convolution.Input).Name;

    /// <summary>A view of the batch as one image with a pixel per original image, whose channels are the channels of all its pixels.</summary>
    private FeatureMap AddRows(FeatureMap x, long channels, string how)
    {
        var size = x.Size!.Value;
        return AddLine($"torch.permute(torch.{how}(torch.permute({x.Name}, [0, 2, 3, 1]), [1, {size.Images}, 1, {size.Height * size.Width * channels}]), [0, 3, 1, 2])", x);
    }

    private static string FormatShape(FeatureMap x) => $"{x.Size!.Value.Images}, {x.Size!.Value.Height}, {x.Size!.Value.Width}";

    private FeatureMap AddLine(string expression, FeatureMap like) => like with { Name = _lines.Add(expression) };
}
