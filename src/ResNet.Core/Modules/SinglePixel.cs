using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Refuses an image that leaves a batch norm in training mode a single value per channel, as PyTorch does and TorchSharp does not:
/// its variance over one value would be 0 and its output constant.
/// </summary>
internal static class SinglePixel
{
    /// <summary>The submodule that goes beside the others and not behind them, in every block of the family.</summary>
    public const string Shortcut = "shortcut";

    /// <param name="module">Its submodules stand in the order of its forward pass. What a subclass adds stands behind the shortcut or the pooling, and is not looked at.</param>
    /// <param name="x">Shape (1, C, H, W).</param>
    /// <exception cref="ArgumentException">There is such a batch norm.</exception>
    public static void Refuse(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        var shape = x.shape;
        _ = Walk(module, 1);

        // By how much height and width are reduced, rounded up, before a part and behind it
        long Walk(nn.Module part, long reduction)
        {
            var before = reduction;
            foreach (var (name, child) in part.named_children())
            {
                switch (child)
                {
                    case Conv2d conv:
                        reduction *= conv.stride[0];
                        break;
                    case MaxPool2d pool:
                        reduction *= pool.stride[0];
                        break;
                    case BatchNorm2d norm when shape[2] <= reduction && shape[3] <= reduction && norm.training:
                        throw new ArgumentException(
                            $"{module.GetName()} expected more than one value per channel in training mode, got an input of shape ({string.Join(", ", shape)}), " +
                            $"which is reduced by {reduction} to a single pixel. Use a larger batch or image, or call eval().", nameof(x));
                    case AdaptiveAvgPool2d:
                        return reduction;
                    case var _ when name == Shortcut:
                        _ = Walk(child, before);
                        return reduction;
                    default:
                        reduction = Walk(child, reduction);
                        break;
                }
            }
            return reduction;
        }
    }
}
