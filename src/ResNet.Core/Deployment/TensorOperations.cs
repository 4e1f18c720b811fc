using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Deployment;

/// <summary>Computes the network with tensors, on every device and in every type. Activations are in place.</summary>
internal class TensorOperations : INetworkOperations<Tensor>
{
    public Tensor Convolve(FoldedConvolution convolution, Tensor x, bool relu)
    {
        var y = Convolve(convolution, x);
        return Made(convolution.Name, relu ? y.relu_() : y);
    }

    public Tensor ConvolveAdd(string name, FoldedConvolution convolution, Tensor x, Func<Tensor> shortcut)
    {
        var y = Made(convolution.Name, Convolve(convolution, x));
        return Made(name, y.add_(shortcut()).relu_());
    }

    public Tensor MaxPool(FoldedMaxPool pool, Tensor x) =>
        F.max_pool2d(x, [pool.Kernel, pool.Kernel], [pool.Stride, pool.Stride], [pool.Padding, pool.Padding]);

    public Tensor AveragePool(string name, Tensor x) => Made(name, x.mean([2, 3]));

    public Tensor Linear(FoldedLinear linear, Tensor x) => F.linear(x, linear.Weight, linear.Bias);

    public void Release(Tensor x) => x.Dispose();

    /// <summary>A look at a tensor that was just computed, under its layer's name.</summary>
    protected virtual Tensor Made(string name, Tensor x) => x;

    private static Tensor Convolve(FoldedConvolution convolution, Tensor x) => F.conv2d(
        x, convolution.Weight, convolution.Bias, [convolution.Stride, convolution.Stride], [convolution.Padding, convolution.Padding], groups: convolution.Groups);
}
