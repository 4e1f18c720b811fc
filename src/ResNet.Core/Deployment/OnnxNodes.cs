using static ResNet.Core.Deployment.OnnxAttribute;

namespace ResNet.Core.Deployment;

/// <summary>The operators of a ResNet-18 that float32 and quantised files have in common.</summary>
internal static class OnnxNodes
{
    public static string Convolve(this OnnxGraph graph, string name, string x, string weight, string bias, FoldedConvolution convolution)
    {
        var kernel = convolution.Weight.shape[2];
        var (stride, padding) = (convolution.Stride, convolution.Padding);
        return graph.Node("Conv", name, [x, weight, bias],
            Ints("kernel_shape", kernel, kernel), Ints("strides", stride, stride), Ints("pads", padding, padding, padding, padding));
    }

    public static string Relu(this OnnxGraph graph, string name, string x) => graph.Node("Relu", name, [x]);

    /// <summary>3x3 with stride 2 and padding 1.</summary>
    public static string MaxPool(this OnnxGraph graph, string name, string x) =>
        graph.Node("MaxPool", name, [x], Ints("kernel_shape", 3, 3), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1));

    public static string Add(this OnnxGraph graph, string name, string x, string y) => graph.Node("Add", name, [x, y]);

    public static string AveragePool(this OnnxGraph graph, string name, string x) => graph.Node("GlobalAveragePool", name, [x]);

    public static string Flatten(this OnnxGraph graph, string name, string x) => graph.Node("Flatten", name, [x]);

    /// <summary><c>x · weightᵀ + bias</c>.</summary>
    public static string Linear(this OnnxGraph graph, string name, string x, string weight, string bias) =>
        graph.Node("Gemm", name, [x, weight, bias], Int("transB", 1));
}
