namespace ResNet.Core.Deployment;

/// <summary>Writes the network to an ONNX graph in float32.</summary>
/// <param name="graph">The graph to write to.</param>
/// <param name="output">The name of the logits.</param>
internal sealed class OnnxOperations(OnnxGraph graph, string output) : INetworkOperations<string>
{
    public string Convolve(FoldedConvolution convolution, string x, bool relu)
    {
        var weight = graph.AddConstant($"{convolution.Name}.weight", convolution.Weight);
        var bias = graph.AddConstant($"{convolution.Name}.bias", convolution.Bias);
        var y = graph.AddConvolution(convolution, x, weight, bias);
        return relu ? graph.AddRelu($"{convolution.Name}.relu", y) : y;
    }

    public string ConvolveAdd(string name, FoldedConvolution convolution, string x, Func<string> shortcut) =>
        graph.AddRelu($"{name}.relu", graph.AddSum(name, Convolve(convolution, x, relu: false), shortcut()));

    public string MaxPool(FoldedMaxPool pool, string x) => graph.AddMaxPool(pool, x);

    public string AveragePool(string name, string x) => graph.AddFlatten("flatten", graph.AddAveragePool(name, x));

    public string ApplyLinear(FoldedLinear linear, string x) =>
        graph.AddLinear(output, x, graph.AddConstant($"{linear.Name}.weight", linear.Weight), graph.AddConstant($"{linear.Name}.bias", linear.Bias));
}
