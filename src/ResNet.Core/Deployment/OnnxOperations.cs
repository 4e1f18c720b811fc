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
        var y = graph.Convolve(convolution, x, weight, bias);
        return relu ? graph.Relu($"{convolution.Name}.relu", y) : y;
    }

    public string ConvolveAdd(string name, FoldedConvolution convolution, string x, Func<string> shortcut) =>
        graph.Relu($"{name}.relu", graph.Add(name, Convolve(convolution, x, relu: false), shortcut()));

    public string MaxPool(FoldedMaxPool pool, string x) => graph.MaxPool(pool, x);

    public string AveragePool(string name, string x) => graph.Flatten("flatten", graph.AveragePool(name, x));

    public string Linear(FoldedLinear linear, string x) =>
        graph.Linear(output, x, graph.AddConstant($"{linear.Name}.weight", linear.Weight), graph.AddConstant($"{linear.Name}.bias", linear.Bias));
}
