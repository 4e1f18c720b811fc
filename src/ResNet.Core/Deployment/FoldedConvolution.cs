using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// A convolution with the following batch norm folded in. With constant running statistics, <c>gamma (conv(x) - mean) / sqrt(var + eps) + beta</c> is a convolution
/// with other weights and a bias.
/// </summary>
/// <param name="Name">The name of the convolution in the network, such as <c>layer1.0.conv1</c>.</param>
/// <param name="Weight">The weight, shape (out_channels, in_channels / groups, kernel, kernel); a copy without gradient.</param>
/// <param name="Bias">The bias, shape (out_channels).</param>
/// <param name="Stride">The stride in both directions, in pixels.</param>
/// <param name="Padding">The padding on each side, in pixels.</param>
/// <param name="Groups">The number of groups.</param>
internal sealed record FoldedConvolution(string Name, Tensor Weight, Tensor Bias, long Stride, long Padding, long Groups)
{
    /// <summary>Folds a batch norm into a convolution. Computes in float64 and rounds once, to <paramref name="dtype"/>.</summary>
    /// <param name="name">The name of the convolution.</param>
    /// <param name="conv">The convolution, checked by <see cref="Foldable"/>.</param>
    /// <param name="norm">The batch norm, checked by <see cref="Foldable"/>.</param>
    /// <param name="dtype">The type of the result.</param>
    /// <exception cref="ArgumentException">The result is not finite.</exception>
    public static FoldedConvolution Fold(string name, Conv2d conv, BatchNorm2d norm, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var scale = norm.weight.to(ScalarType.Float64) / (norm.running_var!.to(ScalarType.Float64) + norm.eps).sqrt();
        var weight = (conv.weight.to(ScalarType.Float64) * scale.view(-1, 1, 1, 1)).to(dtype);
        var bias = (norm.bias!.to(ScalarType.Float64) - norm.running_mean!.to(ScalarType.Float64) * scale).to(dtype);
        // oneDNN and 8-bit quantization turn NaN into ordinary numbers, so predictions would look confident.
        foreach (var tensor in (Tensor[])[weight, bias])
            Foldable.ExpectFinite($"{name} with its batch norm folded in", tensor).MoveToOuterDisposeScope();
        return new FoldedConvolution(name, weight, bias, conv.stride[0], conv.padding![0], conv.groups);
    }

    /// <summary>The kernel size in both directions.</summary>
    public long Kernel { get; } = Weight.shape[2];

    public long InChannels { get; } = Weight.shape[1] * Groups;

    public long OutChannels { get; } = Weight.shape[0];
}
