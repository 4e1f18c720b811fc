using static ResNet.Core.Deployment.OnnxAttribute;

namespace ResNet.Core.Deployment;

/// <summary>Adds the operators that float32 and quantized files have in common.</summary>
internal static class OnnxNodes
{
    public static string AddConvolution(this OnnxGraph graph, FoldedConvolution convolution, string x, string weight, string bias) =>
        graph.AddNode("Conv", convolution.Name, [x, weight, bias],
        [
            CreatePair("kernel_shape", convolution.Kernel), CreatePair("strides", convolution.Stride), CreatePads(convolution.Padding),
            .. convolution.Groups == 1 ? [] : (ProtoMessage[])[CreateInt("group", convolution.Groups)], // ONNX's default is 1
        ]);

    public static string AddRelu(this OnnxGraph graph, string name, string x) => graph.AddNode("Relu", name, [x]);

    public static string AddMaxPool(this OnnxGraph graph, FoldedMaxPool pool, string x) =>
        graph.AddNode("MaxPool", pool.Name, [x], CreatePair("kernel_shape", pool.Kernel), CreatePair("strides", pool.Stride), CreatePads(pool.Padding));

    public static string AddSum(this OnnxGraph graph, string name, string x, string y) => graph.AddNode("Add", name, [x, y]);

    public static string AddAveragePool(this OnnxGraph graph, string name, string x) => graph.AddNode("GlobalAveragePool", name, [x]);

    public static string AddFlatten(this OnnxGraph graph, string name, string x) => graph.AddNode("Flatten", name, [x]);

    /// <summary>Adds <c>x · weightᵀ + bias</c>.</summary>
    public static string AddLinear(this OnnxGraph graph, string name, string x, string weight, string bias) =>
        graph.AddNode("Gemm", name, [x, weight, bias], CreateInt("transB", 1));

    private static ProtoMessage CreatePair(string name, long number) => CreateInts(name, number, number);

    private static ProtoMessage CreatePads(long padding) => CreateInts("pads", padding, padding, padding, padding);
}
