namespace ResNet.Core.Deployment;

/// <summary>The operations of a network, to compute or to export.</summary>
/// <typeparam name="T">An activation: a tensor, or the name of one.</typeparam>
internal interface INetworkOperations<T>
{
    T Convolve(FoldedConvolution convolution, T x, bool relu);

    /// <summary>Computes <c>relu(convolution(x) + shortcut())</c>.</summary>
    /// <param name="name">The name of the addition.</param>
    /// <param name="convolution">The last convolution of a block's branch.</param>
    /// <param name="x">The input of the convolution.</param>
    /// <param name="shortcut">Computes the shortcut. It must be called once, and its result may be overwritten.</param>
    T ConvolveAdd(string name, FoldedConvolution convolution, T x, Func<T> shortcut);

    T MaxPool(FoldedMaxPool pool, T x);

    /// <summary>Computes the mean of each channel, shape (N, C).</summary>
    T AveragePool(string name, T x);

    T ApplyLinear(FoldedLinear linear, T x);

    /// <summary>Releases an activation that is no longer needed.</summary>
    void Release(T x)
    {
    }
}
