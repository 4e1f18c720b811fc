using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// A convolution with the batch norm behind it folded in. With the running statistics, which do not change any more,
/// <c>gamma (conv(x) - mean) / sqrt(var + eps) + beta</c> is a convolution with other weights and a bias.
/// </summary>
/// <param name="Name">Of the convolution in the network, such as <c>layer1.0.conv1</c>.</param>
/// <param name="Weight">Shape (out_channels, in_channels / groups, kernel, kernel); a copy, without gradient.</param>
/// <param name="Bias">Shape (out_channels).</param>
/// <param name="Stride">In pixels, in both directions.</param>
/// <param name="Padding">In pixels, on each side.</param>
/// <param name="Groups">Into which channels are split, each with weights of its own.</param>
internal sealed record FoldedConvolution(string Name, Tensor Weight, Tensor Bias, long Stride, long Padding, long Groups)
{
    /// <summary>Computed in float64: the rounding to <paramref name="dtype"/> is the only one.</summary>
    /// <param name="name">Of the convolution.</param>
    /// <param name="conv">As <see cref="Foldable"/> knows it.</param>
    /// <param name="norm">As <see cref="Foldable"/> knows it.</param>
    /// <param name="dtype">Of the result.</param>
    /// <exception cref="ArgumentException">Not all of the result is finite.</exception>
    public static FoldedConvolution Fold(string name, Conv2d conv, BatchNorm2d norm, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var scale = norm.weight.to(ScalarType.Float64) / (norm.running_var!.to(ScalarType.Float64) + norm.eps).sqrt();
        var weight = (conv.weight.to(ScalarType.Float64) * scale.view(-1, 1, 1, 1)).to(dtype);
        var bias = (norm.bias!.to(ScalarType.Float64) - norm.running_mean!.to(ScalarType.Float64) * scale).to(dtype);
        // oneDNN and 8 bits make ordinary numbers of NaN: the answers would look sure.
        foreach (var tensor in (Tensor[])[weight, bias])
            Foldable.Finite($"{name} with its batch norm folded in", tensor).MoveToOuterDisposeScope();
        return new FoldedConvolution(name, weight, bias, conv.stride[0], conv.padding![0], conv.groups);
    }

    /// <summary>In taps, in both directions.</summary>
    public long Kernel { get; } = Weight.shape[2];

    public long InChannels { get; } = Weight.shape[1] * Groups;

    public long OutChannels { get; } = Weight.shape[0];
}
