using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Wide ResNet-101-2 (torchvision's <c>wide_resnet101_2</c>): layers of 3, 4, 23 and 3 <see cref="Bottleneck"/>s whose 3x3 convolutions are twice as wide; 2048 features.</summary>
/// <remarks>
/// Zagoruyko, Komodakis, "Wide Residual Networks" (arXiv:1605.07146), WRN-101-2 of its Table 8; in depth the column "101-layer" of Table 1 of
/// arXiv:1512.03385.
/// </remarks>
public class WideResNet101_2 : ResidualNetwork
{
    /// <inheritdoc cref="ResidualNetwork(string, BlockKind, int[], long, Stem, Device?, ScalarType?)"/>
    public WideResNet101_2(long num_classes = 1000, Stem stem = Stem.Conv7MaxPool, Device? device = null, ScalarType? dtype = null)
        : base(nameof(WideResNet101_2), Blocks.CreateBottleneck(base_width: 128), [3, 4, 23, 3], num_classes, stem, device, dtype)
    {
    }
}
