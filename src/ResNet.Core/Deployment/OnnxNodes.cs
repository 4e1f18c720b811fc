using static ResNet.Core.Deployment.OnnxAttribute;

namespace ResNet.Core.Deployment;

/// <summary>Adds the operators that float32 and quantized files have in common.</summary>
internal static class OnnxNodes
{
    public static string Convolve(this OnnxGraph graph, FoldedConvolution convolution, string x, string weight, string bias) =>
        graph.AddNode("Conv", convolution.Name, [x, weight, bias],
        [
            Both("kernel_shape", convolution.Kernel), Both("strides", convolution.Stride), Pads(convolution.Padding),
            .. convolution.Groups == 1 ? [] : (ProtoMessage[])[Int("group", convolution.Groups)], // ONNX's default is 1
        ]);

    public static string Relu(this OnnxGraph graph, string name, string x) => graph.AddNode("Relu", name, [x]);

    public static string MaxPool(this OnnxGraph graph, FoldedMaxPool pool, string x) =>
        graph.AddNode("MaxPool", pool.Name, [x], Both("kernel_shape", pool.Kernel), Both("strides", pool.Stride), Pads(pool.Padding));

    public static string Add(this OnnxGraph graph, string name, string x, string y) => graph.AddNode("Add", name, [x, y]);

    public static string AveragePool(this OnnxGraph graph, string name, string x) => graph.AddNode("GlobalAveragePool", name, [x]);

    public static string Flatten(this OnnxGraph graph, string name, string x) => graph.AddNode("Flatten", name, [x]);

    /// <summary>Adds <c>x · weightᵀ + bias</c>.</summary>
    public static string Linear(this OnnxGraph graph, string name, string x, string weight, string bias) =>
        graph.AddNode("Gemm", name, [x, weight, bias], Int("transB", 1));

    private static ProtoMessage Both(string name, long number) => Ints(name, number, number);

    private static ProtoMessage Pads(long padding) => Ints("pads", padding, padding, padding, padding);
}
