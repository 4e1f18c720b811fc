using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Deployment;

/// <summary>
/// A convolution with the batch normalisation behind it folded in. With the running statistics, which do not change any more,
/// <c>gamma (conv(x) - mean) / sqrt(var + eps) + beta</c> is a convolution with other weights and a bias.
/// </summary>
/// <param name="Weight">Shape (out_channels, in_channels, kernel, kernel); a copy, without gradient.</param>
/// <param name="Bias">Shape (out_channels).</param>
/// <param name="Stride">In pixels, in both directions.</param>
/// <param name="Padding">In pixels, on each side.</param>
internal sealed record FoldedConvolution(Tensor Weight, Tensor Bias, long Stride, long Padding)
{
    /// <summary>Computed in float64: the rounding to <paramref name="dtype"/> is the only one.</summary>
    /// <param name="name">Of the convolution.</param>
    /// <param name="conv">As <see cref="Foldable"/> knows it.</param>
    /// <param name="bn">As <see cref="Foldable"/> knows it.</param>
    /// <param name="dtype">Of the result.</param>
    /// <exception cref="ArgumentException">Not all of the result is finite.</exception>
    public static FoldedConvolution Of(string name, Conv2d conv, BatchNorm2d bn, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var scale = bn.weight.to(ScalarType.Float64) / (bn.running_var!.to(ScalarType.Float64) + bn.eps).sqrt();
        var weight = (conv.weight.to(ScalarType.Float64) * scale.view(-1, 1, 1, 1)).to(dtype);
        var bias = (bn.bias!.to(ScalarType.Float64) - bn.running_mean!.to(ScalarType.Float64) * scale).to(dtype);
        // oneDNN and 8 bits make ordinary numbers of NaN: the answers would look sure.
        foreach (var tensor in (Tensor[])[weight, bias])
            Foldable.Finite($"{name} with its batch norm folded in", tensor).MoveToOuterDisposeScope();
        return new FoldedConvolution(weight, bias, conv.stride[0], conv.padding![0]);
    }

    /// <summary>By how much it is larger than the input what the kernel moves over: of H it makes <c>⌊(H + Margin) / Stride⌋ + 1</c>.</summary>
    public long Margin => 2 * Padding - Weight.shape[2];

    /// <param name="x">Shape (N, in_channels, H, W).</param>
    public Tensor Convolve(Tensor x) => F.conv2d(x, Weight, Bias, [Stride, Stride], [Padding, Padding]);
}
