using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network down as ONNX has quantised ones ("QDQ"): every operator stands in float32 between one that goes to 8 bits
/// and one that comes from there, and whoever runs it takes the three for one operator on 8 bits.
/// </summary>
/// <remarks>
/// There are no ReLUs: behind one nothing is less than 0, so that 0 is the least of what 8 bits hold, and what is less becomes it.
/// </remarks>
/// <param name="graph">Gets the nodes.</param>
/// <param name="quantizations">By the names of layers.</param>
/// <param name="output">The name of the logits, which stay float32.</param>
internal sealed class QuantizedOnnxOperations(OnnxGraph graph, IReadOnlyDictionary<string, Quantization> quantizations, string output)
    : INetworkOperations<QuantizedValue>
{
    private const int LargestWeight = 127; // not -128: the same on both sides of 0
    private const double LargestBias = 1 << 30; // with room in 32 bits for the products that it is added to

    /// <param name="name">Under which the quantisation is known, and the beginning of the nodes' names.</param>
    /// <param name="x">A float32 value.</param>
    public QuantizedValue Quantize(string name, string x)
    {
        using var scope = NewDisposeScope();
        var (scale, zeroPoint) = quantizations[name];
        string[] parameters = [graph.Constant($"{name}.scale", tensor(scale, device: CPU)), graph.Constant($"{name}.zero_point", tensor(zeroPoint, device: CPU))];
        return Quantize(name, x, scale, parameters);
    }

    public QuantizedValue Convolve(FoldedConvolution convolution, QuantizedValue x, bool relu)
    {
        var (weight, bias) = Quantize(convolution.Name, x.Scale, convolution.Weight, convolution.Bias);
        return Quantize(convolution.Name, graph.Convolve(convolution, x.Name, weight, bias));
    }

    public QuantizedValue ConvolveAdd(string name, FoldedConvolution convolution, QuantizedValue x, Func<QuantizedValue> shortcut) =>
        Quantize(name, graph.Add(name, Convolve(convolution, x, relu: false).Name, shortcut().Name));

    public QuantizedValue MaxPool(FoldedMaxPool pool, QuantizedValue x) => Quantize(pool.Name, graph.MaxPool(pool, x.Name), x.Scale, x.Parameters);

    public QuantizedValue AveragePool(string name, QuantizedValue x)
    {
        var pooled = Quantize(name, graph.AveragePool(name, x.Name));
        return Quantize("flatten", graph.Flatten("flatten", pooled.Name), pooled.Scale, pooled.Parameters);
    }

    public QuantizedValue Linear(FoldedLinear linear, QuantizedValue x)
    {
        var (weight, bias) = Quantize(linear.Name, x.Scale, linear.Weight, linear.Bias);
        return x with { Name = graph.Linear(output, x.Name, weight, bias) };
    }

    private QuantizedValue Quantize(string name, string x, float scale, string[] parameters)
    {
        var quantized = graph.Node("QuantizeLinear", $"{name}.quantized", [x, .. parameters]);
        return new QuantizedValue(graph.Node("DequantizeLinear", $"{name}.dequantized", [quantized, .. parameters]), scale, parameters);
    }

    /// <summary>
    /// Weights in 8 bits, with a scale for each output channel; the bias in 32 bits, with the scale that sums of products of
    /// weights and inputs have.
    /// </summary>
    /// <returns>The names of both, in float32 again.</returns>
    private (string Weight, string Bias) Quantize(string name, float inputScale, Tensor weight, Tensor bias)
    {
        using var scope = NewDisposeScope();
        var (weights, biases) = (weight.to(ScalarType.Float64), bias.to(ScalarType.Float64));

        // As small as the weights allow and the bias. A channel without either is all 0, with any scale.
        var smallest = maximum(weights.abs().flatten(1).amax([1]) / LargestWeight, biases.abs() / (inputScale * LargestBias));
        var scales = smallest.masked_fill(smallest.eq(0), 1).to(ScalarType.Float32);
        var biasScales = scales * inputScale;

        var inEachChannel = scales.to(ScalarType.Float64).view([-1, .. Enumerable.Repeat(1L, (int)weights.dim() - 1)]);
        var weights8 = (weights / inEachChannel).round().clamp(-LargestWeight, LargestWeight).to(ScalarType.Int8);
        var biases32 = (biases / biasScales.to(ScalarType.Float64)).round().to(ScalarType.Int32);
        return (
            Dequantize($"{name}.weight", weights8, scales, zeros_like(weights8.flatten(1).select(1, 0))),
            Dequantize($"{name}.bias", biases32, biasScales, zeros_like(biases32)));
    }

    private string Dequantize(string name, Tensor values, Tensor scales, Tensor zeroPoints) =>
        graph.Node("DequantizeLinear", $"{name}.dequantized",
            [graph.Constant(name, values), graph.Constant($"{name}.scale", scales), graph.Constant($"{name}.zero_point", zeroPoints)],
            OnnxAttribute.Int("axis", 0));
}
