using ResNet.Core.Deployment;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Prepares trained networks for fast inference.</summary>
public static class FuseExtensions
{
    /// <summary>
    /// Whether <see cref="Fuse(ResidualNetwork, ScalarType?)"/> supports <see cref="ScalarType.BFloat16"/> on this machine: on x64 processors with AVX-512 BF16 (AMD Zen 4, Intel Cooper Lake and
    /// Sapphire Rapids, and later ones), on Windows and Linux.
    /// </summary>
    public static bool IsBFloat16Supported => NativeBFloat16.IsSupported;

    /// <summary>
    /// Whether <see cref="Fuse(ResidualNetwork, IEnumerable{Tensor})"/> supports 8 bits on this machine: on x64 processors with AVX-512 VNNI (Intel Cascade Lake and Ice Lake,
    /// AMD Zen 4, and later ones with AVX-512), on Linux.
    /// </summary>
    public static bool IsInt8Supported => NativeInt8.IsSupported;

    /// <summary>
    /// Creates a faster network for inference with the outputs of <paramref name="model"/> in eval mode. Every batch norm is folded into the preceding convolution, and
    /// activations run in place.
    /// </summary>
    /// <remarks>
    /// <para>The fused network has its own copy of the weights, so the model can be trained further or disposed. It stays on the model's current device: move the
    /// model first, then fuse it, since <c>to()</c> has no effect on a fused network. It computes no gradients and has no parameters.</para>
    /// <para>Any number of <see cref="BasicBlock"/>s and <see cref="Bottleneck"/>s can be folded, with any stride, padding, groups and eps. Everything that may compute
    /// something else is refused with its name: subclasses, other modules, forward hooks (remove them first), a bias or dilation in a convolution, a batch norm
    /// without running statistics.</para>
    /// <para>A fused network is thread-safe. It may be disposed during calls: running calls finish, later ones throw <see cref="ObjectDisposedException"/>, and the last
    /// call frees the weights. The model itself, like every TorchSharp module, is not thread-safe: disposing, moving or loading it during a call on another
    /// thread, or during this method, can crash the process.</para>
    /// <para>As with the model, an image with NaN or infinity gets logits that are not finite; other images in the batch are not affected. Weights that are not finite
    /// are refused.</para>
    /// <para>In float32 and bfloat16 on x64 processors, on Windows and Linux, a convolution, its bias and residual addition are one call of oneDNN, with weights packed for
    /// its kernels. From the eighth call of a size (N, H, W), layers for which oneDNN prefers another layout at that size get their own weights, for up to eight sizes at a
    /// time. This takes at most about the memory of all weights per size, 45 MB for ResNet-18 and 94 MB for ResNet-50 in float32, and mostly less. At the eighth call of a
    /// size, outputs may change by rounding. If every call has another size, nothing is packed.</para>
    /// <para>The outputs equal the model's except for rounding, and are as close to exact ones: 3e-6 apart relative to the largest in float32, 1e-14 in float64; more
    /// where a deep untrained network amplifies its own rounding. Source:
    /// Jacob et al., "Quantization and Training of Neural Networks" (arXiv:1712.05877), section 3.2, for the folding.</para>
    /// </remarks>
    /// <param name="model">The model, in training or eval mode. It is not changed.</param>
    /// <param name="dtype">
    /// The type of the computation, the images and the logits: <see cref="ScalarType.Float16"/>, <see cref="ScalarType.Float32"/> or <see cref="ScalarType.Float64"/>; if
    /// null, the model's own type. With <see cref="ScalarType.BFloat16"/>, convolutions run in bfloat16 while images and logits are float32; only on the CPU, and only if
    /// <see cref="IsBFloat16Supported"/>.
    /// </param>
    /// <returns>
    /// A module that maps images of shape <c>(N, 3, H, W)</c> to logits of shape <c>(N, num_classes)</c>. The caller owns it. It throws the
    /// same exceptions as <see cref="ResidualNetwork.forward"/>.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> is null or cannot be folded; its weights have different types or devices, or are not finite in <paramref name="dtype"/> after folding; or
    /// <paramref name="dtype"/> is another type, or is bfloat16 for a model that is not on the CPU.
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
    /// Creates a network for inference in 8 bits: several times as fast as float32, at the cost of small differences in the outputs. Images and logits are float32. Only on the
    /// CPU, and only if <see cref="IsInt8Supported"/>.
    /// </summary>
    /// <remarks>
    /// <para>Weights are int8 with a scale per output channel, activations uint8; biases, the classifier and the logits are float32. The calibration batches determine the ranges
    /// of the activations; values outside saturate. A few hundred images from the training set, preprocessed as for predictions, are enough; measure the accuracy with other
    /// images.</para>
    /// <para>An image with NaN or infinity gets NaN logits; other images in the batch are not affected.</para>
    /// <para>The remarks of <see cref="Fuse(ResidualNetwork, ScalarType?)"/> on weights, folding, threads and disposal apply here too. Single images of the first calibration
    /// image's size get weights and kernels of their own at once, other sizes (N, H, W) from their eighth call, for up to eight sizes at a time; each takes the memory of all
    /// weights in 8 bits, 11 MB for ResNet-18 and 24 MB for ResNet-50. Kernels
    /// are created for libtorch's current number of threads, so set it first. Source: Jacob et al.,
    /// "Quantization and Training of Neural Networks" (arXiv:1712.05877); Wu et al., "Integer Quantization for Deep Learning
    /// Inference" (arXiv:2004.09602).</para>
    /// </remarks>
    /// <param name="model">The model, on the CPU, of any floating-point type. It is not changed.</param>
    /// <param name="calibrationBatches">
    /// Batches of images, shape <c>(N, 3, H, W)</c>, in the model's type. They are enumerated once and not disposed.
    /// </param>
    /// <returns>
    /// A module that maps images of shape <c>(N, 3, H, W)</c> to logits of shape <c>(N, num_classes)</c>, both float32. The caller owns it. It throws
    /// the same exceptions as <see cref="ResidualNetwork.forward"/>.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> is null, cannot be folded, is not on the CPU, or has a weight that is not finite in float32; or <paramref name="calibrationBatches"/> is null or
    /// has no images, a batch does not have the shape, type or device that the model expects, or a batch or an activation has a value that is not finite.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/>, one of its weights or a batch was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException"><see cref="IsInt8Supported"/> is false.</exception>
    public static nn.Module<Tensor, Tensor> Fuse(this ResidualNetwork model, IEnumerable<Tensor> calibrationBatches)
    {
        ArgumentNullException.ThrowIfNull(calibrationBatches);
        using var network = FoldOnCpu(model, "8 bits", "on a GPU fuse in Float16");
        if (!IsInt8Supported)
            throw new PlatformNotSupportedException("Expected an x64 processor with AVX-512 VNNI on Linux for 8 bits, got one without: fuse in Float32.");
        return OneDnnNetwork.Create(network, Calibration.Calibrate(model, network, calibrationBatches));
    }

    private static OneDnnNetwork FuseInBFloat16(ResidualNetwork model)
    {
        using var network = FoldOnCpu(model, "BFloat16", "where model.to(BFloat16).Fuse() does: images and logits are BFloat16");
        if (!IsBFloat16Supported)
            throw new PlatformNotSupportedException(
                "Expected an x64 processor with AVX-512 BF16 on Windows or Linux for BFloat16, got one without: fuse in Float32.");
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
