using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>What a network is made of, whether it is computed or written down.</summary>
/// <typeparam name="T">What goes from layer to layer: a tensor, or the name of one.</typeparam>
internal interface INetworkOperations<T>
{
    T Convolve(string name, T x, FoldedConvolution convolution, bool relu);

    /// <summary>3x3 with stride 2 and padding 1.</summary>
    T MaxPool(string name, T x);

    /// <summary><c>relu(x + shortcut)</c>.</summary>
    T Add(string name, T x, T shortcut);

    /// <summary>The mean of each channel, shape (N, C).</summary>
    T AveragePool(string name, T x);

    T Linear(string name, T x, Tensor weight, Tensor bias);
}
