using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Refuses an image that leaves a batch norm in training mode a single value per channel. The variance would be 0 and the output constant. PyTorch refuses
/// it too; TorchSharp does not.
/// </summary>
internal static class SinglePixel
{
    /// <summary>The submodule that runs in parallel to the others in every block.</summary>
    public const string Shortcut = "shortcut";

    /// <param name="module">A module whose submodules are in the order of its forward pass. Submodules of a subclass come after the shortcut or the pooling, and are ignored.</param>
    /// <param name="x">The image, shape (1, C, H, W).</param>
    /// <exception cref="ArgumentException">A batch norm in training mode would get a single value per channel.</exception>
    public static void Refuse(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        var shape = x.shape;
        _ = Walk(module, 1);

        // Takes the factor by which height and width are reduced (rounded up) before a part, and returns the one after it
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
