using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>ResNeXt-101 (32x8d) (torchvision's <c>resnext101_32x8d</c>): layers of 3, 4, 23 and 3 <see cref="Bottleneck"/>s whose 3x3 convolutions have 32 groups of 8 channels in the first layer; 2048 features.</summary>
/// <remarks>
/// Xie, Girshick, Dollár, Tu, He, "Aggregated Residual Transformations for Deep Neural Networks" (arXiv:1611.05431), Table 1; in depth the
/// column "101-layer" of Table 1 of arXiv:1512.03385.
/// </remarks>
public class ResNeXt101_32x8d : ResidualNetwork
{
    /// <inheritdoc cref="ResidualNetwork(string, BlockKind, int[], long, Stem, Device?, ScalarType?)"/>
    public ResNeXt101_32x8d(long num_classes = 1000, Stem stem = Stem.Conv7MaxPool, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResNeXt101_32x8d), Blocks.CreateBottleneck(groups: 32, base_width: 8), [3, 4, 23, 3], num_classes, stem, device, dtype)
    {
    }
}
