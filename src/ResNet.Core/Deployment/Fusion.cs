using ResNet.Core.Deployment;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>A trained network made ready for predictions.</summary>
public static class Fusion
{
    /// <summary>
    /// Whether <see cref="Fuse(ResidualNetwork, ScalarType?)"/> takes <see cref="ScalarType.BFloat16"/> here: on x64 processors with AVX-512 BF16 (AMD Zen 4, Intel Cooper Lake and
    /// Sapphire Rapids, and later ones), on Windows and Linux.
    /// </summary>
    public static bool IsBFloat16Supported => NativeBFloat16.IsSupported;

    /// <summary>
    /// Whether <see cref="Fuse(ResidualNetwork, IEnumerable{Tensor})"/> computes in 8 bits here: on x64 processors with AVX-512 VNNI (Intel Cascade Lake and Ice Lake,
    /// AMD Zen 4, and later ones with AVX-512), on Linux.
    /// </summary>
    public static bool IsInt8Supported => NativeInt8.IsSupported;

    /// <summary>
    /// Makes a network for inference: it answers as <paramref name="model"/> does in eval mode, faster. Every batch norm
    /// is folded into the convolution before it, and activations happen in place.
    /// </summary>
    /// <remarks>
    /// <para>The weights are its own: the model can be trained further or be disposed. It stays on the device that the
    /// model is on now; move the model first, then fuse it: <c>to()</c> does nothing to a fused network. It computes no gradients and has
    /// no parameters.</para>
    /// <para>Folding goes by what it knows: <see cref="BasicBlock"/>s and <see cref="Bottleneck"/>s, as many as there are, with the strides,
    /// paddings, groups and epsilons that they have. It refuses what may compute something else and says where: subclasses, other modules,
    /// forward hooks (remove them first), a bias or dilation in a convolution, a batch norm without running statistics.</para>
    /// <para>Any number of threads may use it at once, and it may be disposed while they do: calls under way finish, later ones throw
    /// <see cref="ObjectDisposedException"/>, and the last call frees the weights. This does not hold for the model itself, as for no module of
    /// TorchSharp: a model that is disposed, moved or loaded while another thread is in a call, or in this method, can end the process.</para>
    /// <para>An image with NaN or an infinity gets logits that are not finite, as from the model; the other images of its batch get theirs.
    /// Weights that are not finite are refused.</para>
    /// <para>In float32 and bfloat16 on x64 processors, on Windows and Linux, a convolution, its bias and residual addition are one call of oneDNN, and
    /// the weights lie in memory as its kernels read them. From the eighth call of a size (N, H, W) on, for eight sizes at a time, the layers that want other weights
    /// for that size have them: about as much memory as all weights for each size at most, 45 MB for ResNet-18 and 94 MB for ResNet-50 in float32, and mostly less. With
    /// the eighth call of a size, answers may change by rounding. Where every call has another size, nothing is packed.</para>
    /// <para>The outputs are the model's but for rounding, and as near to exact ones: 3e-6 apart relative to the largest in float32, 1e-14 in float64; more where
    /// a deep network that has not been trained feeds on its own rounding. Source:
    /// Jacob et al., "Quantization and Training of Neural Networks" (arXiv:1712.05877), section 3.2, for the folding.</para>
    /// </remarks>
    /// <param name="model">In training mode or not; it is not changed.</param>
    /// <param name="dtype">
    /// In which it computes, and of its images and logits: <see cref="ScalarType.Float16"/>, <see cref="ScalarType.Float32"/> or
    /// <see cref="ScalarType.Float64"/>; null is the model's own. With <see cref="ScalarType.BFloat16"/> the convolutions compute in bfloat16, and images and logits are
    /// float32: on the CPU alone, and where <see cref="IsBFloat16Supported"/>.
    /// </param>
    /// <returns>
    /// A module from images of shape <c>(N, 3, H, W)</c> to logits of shape <c>(N, num_classes)</c>. The caller owns it. Its
    /// exceptions are those of <see cref="ResidualNetwork.forward"/>.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> is null, or it or a part of it is not what folding knows; weights are of several types, on several devices or,
    /// once folded, not finite in <paramref name="dtype"/>, which is none of those above or is bfloat16 for a model that is not on the CPU.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> or one of its weights was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException"><paramref name="dtype"/> is bfloat16, and <see cref="IsBFloat16Supported"/> is false.</exception>
    public static nn.Module<Tensor, Tensor> Fuse(this ResidualNetwork model, ScalarType? dtype = null)
    {
        if (dtype is not (null or ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16))
            throw Foldable.Unexpected("Float16, BFloat16, Float32 or Float64", $"{dtype}", nameof(dtype));
        if (dtype == ScalarType.BFloat16)
            return FuseInBFloat16(model);

        var network = Folding.Fold(model, dtype);
        if (!OneDnnNetwork.IsSupported || network.Classifier.Weight is not { device_type: DeviceType.CPU, dtype: ScalarType.Float32 })
            return new FusedNetwork(network);
        using (network)
            return OneDnnNetwork.Create(network, ScalarType.Float32);
    }

    /// <summary>
    /// Makes a network for inference in 8 bits: several times as fast as in float32, at the cost of small differences in the answers. It takes and gives float32, on the CPU alone, and
    /// where <see cref="IsInt8Supported"/>.
    /// </summary>
    /// <remarks>
    /// <para>Weights are int8 with a scale for each output channel, what goes from layer to layer is uint8, biases, the classifier and the logits are float32. Calibration batches show
    /// between which values lies what goes from layer to layer; what lies beyond is cut off. A few hundred images do, from the training set and prepared as for predictions; accuracy is to be
    /// measured with others.</para>
    /// <para>An image with NaN or an infinity gets NaN for its logits; the other images of its batch get theirs.</para>
    /// <para>What <see cref="Fuse(ResidualNetwork, ScalarType?)"/> says of the weights, of what can be folded, of threads and of disposing holds here too. A size (N, H, W) has weights and kernels of its own
    /// from its eighth call on, for eight sizes at a time: each takes as much memory as all weights in 8 bits, 11 MB for ResNet-18 and 24 MB for ResNet-50. The
    /// kernels are for the number of threads that libtorch had when they were made: set it before. Source: Jacob et al.,
    /// "Quantization and Training of Neural Networks" (arXiv:1712.05877); Wu et al., "Integer Quantization for Deep Learning
    /// Inference" (arXiv:2004.09602).</para>
    /// </remarks>
    /// <param name="model">On the CPU, of any floating-point type, in training mode or not; it is not changed.</param>
    /// <param name="calibrationBatches">
    /// Images of shape <c>(N, 3, H, W)</c>, of the model's type. They are gone through once and not disposed.
    /// </param>
    /// <returns>
    /// A module from images of shape <c>(N, 3, H, W)</c> to logits of shape <c>(N, num_classes)</c>, both float32. The caller owns it. Its
    /// exceptions are those of <see cref="ResidualNetwork.forward"/>.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> is null, or it or a part of it is not what folding knows; it is not on the CPU, or a weight is not finite in float32; or
    /// <paramref name="calibrationBatches"/> is null or has no images, a batch has another shape, type or device than the model takes, or a value in it, or one that
    /// the model makes of it, is not finite.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/>, one of its weights or a batch was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException"><see cref="IsInt8Supported"/> is false.</exception>
    public static nn.Module<Tensor, Tensor> Fuse(this ResidualNetwork model, IEnumerable<Tensor> calibrationBatches)
    {
        ArgumentNullException.ThrowIfNull(calibrationBatches);
        using var network = FoldOnCpu(model, "8 bits", "on a GPU fuse in Float16");
        if (!IsInt8Supported)
            throw new PlatformNotSupportedException("Expected an x64 processor with AVX-512 VNNI, on Linux, to compute in 8 bits, got one without: fuse in Float32.");
        return OneDnnNetwork.Create(network, Calibration.Calibrate(model, network, calibrationBatches));
    }

    private static OneDnnNetwork FuseInBFloat16(ResidualNetwork model)
    {
        using var network = FoldOnCpu(model, "BFloat16", "where model.to(BFloat16).Fuse() does: images and logits are BFloat16");
        if (!IsBFloat16Supported)
            throw new PlatformNotSupportedException(
                "Expected an x64 processor with AVX-512 BF16, on Windows or Linux, to compute in BFloat16, got one without: fuse in Float32.");
        return OneDnnNetwork.Create(network, ScalarType.BFloat16);
    }

    private static FoldedNetwork FoldOnCpu(ResidualNetwork model, string type, string elsewhere)
    {
        var network = Folding.Fold(model, ScalarType.Float32);
        if (network.Classifier.Weight is not { device_type: not DeviceType.CPU, device: var device }) return network;
        network.Dispose();
        throw Foldable.Unexpected($"the model on the CPU to fuse it in {type}", $"{device}, {elsewhere}");
    }
}
