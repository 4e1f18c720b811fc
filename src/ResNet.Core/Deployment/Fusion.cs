using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>A trained network made ready for predictions.</summary>
public static class Fusion
{
    /// <summary>
    /// Makes a network for inference: it answers as <paramref name="model"/> does in eval mode, faster. Every batch
    /// normalisation is folded into the convolution before it, and activations happen in place.
    /// </summary>
    /// <remarks>
    /// <para>The weights are its own: the model can be trained further or be disposed. It stays on the device and in the type that the
    /// model has now; move the model first, then fuse it. It computes no gradients, has no parameters, and forward hooks of the
    /// model's layers are not a part of it. Any number of threads may use it at once.</para>
    /// <para>In float32 on x64 processors, on Windows and Linux, a convolution, its bias, activation and residual addition are one
    /// call of oneDNN, and the weights lie in memory as its kernels read them.</para>
    /// <para>The outputs are the model's but for rounding: 1e-6 apart relative to the largest in float32, 1e-14 in float64. Source:
    /// Jacob et al., "Quantization and Training of Neural Networks" (arXiv:1712.05877), section 3.2, for the folding.</para>
    /// </remarks>
    /// <param name="model">In training mode or not; it is not changed.</param>
    /// <returns>
    /// A module from pictures of shape <c>(N, 3, H, W)</c> to logits of shape <c>(N, num_classes)</c>. The caller owns it. Its
    /// exceptions are those of <see cref="ResNet18.forward"/>.
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="model"/> is null, or of a subclass, whose forward pass may be another one.</exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> was disposed.</exception>
    public static nn.Module<Tensor, Tensor> Fuse(this ResNet18 model)
    {
        var network = FoldedNetwork.Of(model);
        if (!OneDnnResNet18.CanRun(network))
            return new FusedResNet18(network);
        using (network)
            return new OneDnnResNet18(network);
    }
}
