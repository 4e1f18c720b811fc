using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>Writes the network down in float32.</summary>
/// <param name="graph">Gets the nodes.</param>
/// <param name="output">The name of the logits.</param>
internal sealed class OnnxOperations(OnnxGraph graph, string output) : INetworkOperations<string>
{
    public string Convolve(string name, string x, FoldedConvolution convolution, bool relu)
    {
        var weight = graph.Constant($"{name}.weight", convolution.Weight);
        var bias = graph.Constant($"{name}.bias", convolution.Bias);
        var y = graph.Convolve(name, x, weight, bias, convolution);
        return relu ? graph.Relu($"{name}.relu", y) : y;
    }

    public string MaxPool(string name, string x) => graph.MaxPool(name, x);

    public string Add(string name, string x, string shortcut) => graph.Relu($"{name}.relu", graph.Add(name, x, shortcut));

    public string AveragePool(string name, string x) => graph.Flatten("flatten", graph.AveragePool(name, x));

    public string Linear(string name, string x, Tensor weight, Tensor bias) =>
        graph.Linear(output, x, graph.Constant($"{name}.weight", weight), graph.Constant($"{name}.bias", bias));
}
