using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Deployment;

/// <summary>Computes the network with tensors, on any device and in any type. Activations are in place.</summary>
internal class TensorOperations : INetworkOperations<Tensor>
{
    public Tensor Convolve(FoldedConvolution convolution, Tensor x, bool relu)
    {
        var y = Convolve(convolution, x);
        return OnComputed(convolution.Name, relu ? y.relu_() : y);
    }

    public Tensor ConvolveAdd(string name, FoldedConvolution convolution, Tensor x, Func<Tensor> shortcut)
    {
        var y = OnComputed(convolution.Name, Convolve(convolution, x));
        return OnComputed(name, y.add_(shortcut()).relu_());
    }

    public Tensor MaxPool(FoldedMaxPool pool, Tensor x) =>
        F.max_pool2d(x, [pool.Kernel, pool.Kernel], [pool.Stride, pool.Stride], [pool.Padding, pool.Padding]);

    public Tensor AveragePool(string name, Tensor x) => OnComputed(name, x.mean([2, 3]));

    public Tensor ApplyLinear(FoldedLinear linear, Tensor x) => F.linear(x, linear.Weight, linear.Bias);

    public void Release(Tensor x) => x.Dispose();

    /// <summary>Called with each computed tensor and the name of its layer.</summary>
    protected virtual Tensor OnComputed(string name, Tensor x) => x;

    private static Tensor Convolve(FoldedConvolution convolution, Tensor x) => F.conv2d(
        x, convolution.Weight, convolution.Bias, [convolution.Stride, convolution.Stride], [convolution.Padding, convolution.Padding], groups: convolution.Groups);
}
