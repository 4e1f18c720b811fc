namespace ResNet.Core.Deployment;

/// <summary>What networks are made of, whether it is computed or written down.</summary>
/// <typeparam name="T">What goes from layer to layer: a tensor, or the name of one.</typeparam>
internal interface INetworkOperations<T>
{
    T Convolve(FoldedConvolution convolution, T x, bool relu);

    /// <summary><c>relu(convolution(x) + shortcut())</c>.</summary>
    /// <param name="name">Of the addition.</param>
    /// <param name="convolution">The last of a block's branch.</param>
    /// <param name="x">Its input.</param>
    /// <param name="shortcut">To be called once. Nobody needs what it gives afterwards: it may be overwritten.</param>
    T ConvolveAdd(string name, FoldedConvolution convolution, T x, Func<T> shortcut);

    T MaxPool(FoldedMaxPool pool, T x);

    /// <summary>The mean of each channel, shape (N, C).</summary>
    T AveragePool(string name, T x);

    T Linear(FoldedLinear linear, T x);

    /// <summary>Nobody needs <paramref name="x"/> any more.</summary>
    void Release(T x)
    {
    }
}
