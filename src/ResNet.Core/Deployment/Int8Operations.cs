using System.Globalization;
using static ResNet.Core.Deployment.ScriptLines;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network as TorchScript in 8 bits: activations are uint8, and a convolution, its bias and ReLU are one call of oneDNN with prepacked weights.
/// </summary>
/// <remarks>
/// oneDNN could add the shortcut in the same call, but libtorch only allows that if the whole process uses oneDNN as its quantized engine. A separate call costs about 5 %.
/// </remarks>
/// <param name="quantizations">The quantization parameters by layer name.</param>
internal sealed class Int8Operations(IReadOnlyDictionary<string, QuantizationParameters> quantizations) : INetworkOperations<Int8Value>
{
    private readonly List<FoldedConvolution> _convolutions = [];
    private readonly ScriptLines _lines = new();

    /// <summary>The convolutions, in the order of their packed weights.</summary>
    public IReadOnlyList<FoldedConvolution> Convolutions => _convolutions;

    /// <summary>
    /// Returns the source. <c>pack</c> takes the weights and biases of the convolutions in turn; <c>forward</c> takes images and the classifier's weight and bias. An image
    /// that is not finite gets NaN logits; 8 bits cannot represent it, so its output would look ordinary.
    /// </summary>
    /// <param name="images">The name of the images.</param>
    /// <param name="logits">The result.</param>
    public string ToScript(string images, Int8Value logits) => $"""
        def pack(self, w: List[Tensor]) -> int:
            p = self.items
        {string.Concat(_convolutions.Select(Pack))}    return torch.len(p)
        def free(self) -> int:
            p = self.items
            torch.clear(p)
            return torch.len(p)
        def forward(self, {images}: Tensor, fc_weight: Tensor, fc_bias: Tensor) -> Tensor:
            p = self.items
        {_lines}    nothing = torch.sum(torch.mul({images}, 0), [1, 2, 3])
            return torch.add({logits.Name}, torch.unsqueeze(nothing, 1))
        """;

    public Int8Value Quantize(string images)
    {
        var to = quantizations[Calibration.Input];
        return AddLine($"torch.quantize_per_tensor({images}, {Format(to)}, 13)", to);
    }

    public Int8Value Convolve(FoldedConvolution convolution, Int8Value x, bool relu)
    {
        var to = quantizations[convolution.Name];
        _convolutions.Add(convolution);
        return AddLine($"ops.quantized.conv2d{(relu ? "_relu" : "")}({x.Name}, p[{_convolutions.Count - 1}], {Format(to)})", to);
    }

    public Int8Value ConvolveAdd(string name, FoldedConvolution convolution, Int8Value x, Func<Int8Value> shortcut)
    {
        var to = quantizations[name];
        return AddLine($"ops.quantized.add_relu({Convolve(convolution, x, relu: false).Name}, {shortcut().Name}, {Format(to)})", to);
    }

    /// <summary>Uses quantized_max_pool2d, since libtorch's max_pool2d is wrong for 8 bits.</summary>
    public Int8Value MaxPool(FoldedMaxPool pool, Int8Value x) =>
        AddLine($"torch.quantized_max_pool2d({x.Name}, {FormatPair(pool.Kernel)}, {FormatPair(pool.Stride)}, {FormatPair(pool.Padding)}, [1, 1], False)", x.Quantization);

    /// <summary>Computes the mean, and everything after it, in float32.</summary>
    public Int8Value AveragePool(string name, Int8Value x) => AddLine($"torch.mean(torch.dequantize({x.Name}), [2, 3], False)", x.Quantization);

    public Int8Value ApplyLinear(FoldedLinear linear, Int8Value x) => AddLine($"torch.linear({x.Name}, fc_weight, fc_bias)", x.Quantization);

    private static string Pack(FoldedConvolution convolution, int index) =>
        $"    _{index} = torch.append(p, ops.quantized.conv2d_prepack(w[{2 * index}], w[{2 * index + 1}], {FormatPair(convolution.Stride)}, {FormatPair(convolution.Padding)}, [1, 1], {convolution.Groups}))\n";

    /// <summary>Formats scale and zero point.</summary>
    private static string Format(QuantizationParameters quantization) => string.Create(CultureInfo.InvariantCulture, $"{(double)quantization.Scale:E16}, {quantization.ZeroPoint}");

    private Int8Value AddLine(string expression, QuantizationParameters quantization) => new(_lines.Add(expression), quantization);
}
