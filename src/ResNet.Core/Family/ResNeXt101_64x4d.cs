using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>ResNeXt-101 (64x4d) (torchvision's <c>resnext101_64x4d</c>): layers of 3, 4, 23 and 3 <see cref="Bottleneck"/>s whose 3x3 convolutions have 64 groups of 4 channels in the first layer; 2048 features.</summary>
/// <remarks>
/// Xie, Girshick, Dollár, Tu, He, "Aggregated Residual Transformations for Deep Neural Networks" (arXiv:1611.05431), Table 1; in depth the
/// column "101-layer" of Table 1 of arXiv:1512.03385.
/// </remarks>
public class ResNeXt101_64x4d : ResidualNetwork
{
    /// <inheritdoc cref="ResidualNetwork(string, BlockKind, int[], long, Stem, Device?, ScalarType?)"/>
    public ResNeXt101_64x4d(long num_classes = 1000, Stem stem = Stem.Conv7MaxPool, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResNeXt101_64x4d), Blocks.CreateBottleneck(groups: 64, base_width: 4), [3, 4, 23, 3], num_classes, stem, device, dtype)
    {
    }
}
