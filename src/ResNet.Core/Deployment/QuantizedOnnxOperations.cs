using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Writes the network to an ONNX graph in QDQ format: every float32 operator is surrounded by DequantizeLinear and QuantizeLinear, and a runtime merges them into one
/// operator on 8 bits.
/// </summary>
/// <remarks>
/// No Relu nodes: ranges are calibrated after the ReLU, so they start at 0 and saturation clamps.
/// </remarks>
/// <param name="graph">The graph to write to.</param>
/// <param name="quantizations">The quantization parameters by layer name.</param>
/// <param name="output">The name of the logits, which stay float32.</param>
internal sealed class QuantizedOnnxOperations(OnnxGraph graph, IReadOnlyDictionary<string, QuantizationParameters> quantizations, string output)
    : INetworkOperations<QuantizedValue>
{
    private const double MaxBias = 1 << 30; // leaves room in 32 bits for the products added to it

    /// <param name="name">The name of the quantization parameters, and the prefix of the nodes' names.</param>
    /// <param name="x">A float32 value.</param>
    public QuantizedValue Quantize(string name, string x)
    {
        using var scope = NewDisposeScope();
        var (scale, zeroPoint) = quantizations[name];
        string[] parameters = [graph.AddConstant($"{name}.scale", tensor(scale, device: CPU)), graph.AddConstant($"{name}.zero_point", tensor(zeroPoint, device: CPU))];
        return Quantize(name, x, scale, parameters);
    }

    public QuantizedValue Convolve(FoldedConvolution convolution, QuantizedValue x, bool relu)
    {
        var (weight, bias) = Quantize(convolution.Name, x.Scale, convolution.Weight, convolution.Bias);
        return Quantize(convolution.Name, graph.AddConvolution(convolution, x.Name, weight, bias));
    }

    public QuantizedValue ConvolveAdd(string name, FoldedConvolution convolution, QuantizedValue x, Func<QuantizedValue> shortcut) =>
        Quantize(name, graph.AddSum(name, Convolve(convolution, x, relu: false).Name, shortcut().Name));

    public QuantizedValue MaxPool(FoldedMaxPool pool, QuantizedValue x) => Quantize(pool.Name, graph.AddMaxPool(pool, x.Name), x.Scale, x.Parameters);

    public QuantizedValue AveragePool(string name, QuantizedValue x)
    {
        var pooled = Quantize(name, graph.AddAveragePool(name, x.Name));
        return Quantize("flatten", graph.AddFlatten("flatten", pooled.Name), pooled.Scale, pooled.Parameters);
    }

    public QuantizedValue ApplyLinear(FoldedLinear linear, QuantizedValue x)
    {
        var (weight, bias) = Quantize(linear.Name, x.Scale, linear.Weight, linear.Bias);
        return x with { Name = graph.AddLinear(output, x.Name, weight, bias) };
    }

    private QuantizedValue Quantize(string name, string x, float scale, string[] parameters)
    {
        var quantized = graph.AddNode("QuantizeLinear", $"{name}.quantized", [x, .. parameters]);
        return new QuantizedValue(graph.AddNode("DequantizeLinear", $"{name}.dequantized", [quantized, .. parameters]), scale, parameters);
    }

    /// <summary>
    /// Quantizes weights to 8 bits with a scale per output channel, and the bias to 32 bits with the scale of the products of weights and inputs.
    /// </summary>
    /// <returns>The names of both after dequantization.</returns>
    private (string Weight, string Bias) Quantize(string name, float inputScale, Tensor weight, Tensor bias)
    {
        using var scope = NewDisposeScope();
        var (weights, biases) = (weight.to(ScalarType.Float64), bias.to(ScalarType.Float64));

        // The smallest scale that weights and bias allow. If a channel is all zeros, any scale will do.
        var smallest = maximum(weights.abs().flatten(1).amax([1]) / QuantizationParameters.MaxWeight, biases.abs() / (inputScale * MaxBias));
        var scales = smallest.masked_fill(smallest.eq(0), 1).to(ScalarType.Float32);
        var biasScales = scales * inputScale;

        var inEachChannel = scales.to(ScalarType.Float64).view([-1, .. Enumerable.Repeat(1L, (int)weights.dim() - 1)]);
        var weights8 = (weights / inEachChannel).round().clamp(-QuantizationParameters.MaxWeight, QuantizationParameters.MaxWeight).to(ScalarType.Int8);
        var biases32 = (biases / biasScales.to(ScalarType.Float64)).round().to(ScalarType.Int32);
        return (
            Dequantize($"{name}.weight", weights8, scales, zeros_like(weights8.flatten(1).select(1, 0))),
            Dequantize($"{name}.bias", biases32, biasScales, zeros_like(biases32)));
    }

    private string Dequantize(string name, Tensor values, Tensor scales, Tensor zeroPoints) =>
        graph.AddNode("DequantizeLinear", $"{name}.dequantized",
            [graph.AddConstant(name, values), graph.AddConstant($"{name}.scale", scales), graph.AddConstant($"{name}.zero_point", zeroPoints)],
            OnnxAttribute.CreateInt("axis", 0));
}
