using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>The 101-layer residual network (torchvision's <c>resnet101</c>): layers of 3, 4, 23 and 3 <see cref="Bottleneck"/>s; 2048 features.</summary>
/// <remarks>
/// The column "101-layer" of Table 1 in He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385).
/// </remarks>
public class ResNet101 : ResidualNetwork
{
    /// <inheritdoc cref="ResidualNetwork(string, BlockKind, int[], long, Stem, Device?, ScalarType?)"/>
    public ResNet101(long num_classes = 1000, Stem stem = Stem.Conv7MaxPool, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResNet101), Blocks.CreateBottleneck(), [3, 4, 23, 3], num_classes, stem, device, dtype)
    {
    }
}
