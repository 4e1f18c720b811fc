using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What goes into the network at once.</summary>
/// <param name="Images">Shape (N, 3, 32, 32), normalised.</param>
/// <param name="Labels">Shape (N), int64.</param>
internal sealed record Batch(Tensor Images, Tensor Labels)
{
    /// <summary>Puts pictures together, each in the middle or, given a generator, augmented.</summary>
    public static Batch Of(Pictures pictures, ReadOnlySpan<int> indices, Device device, Random? augmentation = null)
    {
        using var scope = NewDisposeScope();

        // Straight into libtorch's memory: no arrays for the garbage collector, no call for each pixel.
        var images = empty(indices.Length, 1, Canvas.Side, Canvas.Side);
        var labels = empty(indices.Length, dtype: ScalarType.Int64);
        var pixels = MemoryMarshal.Cast<byte, float>(images.bytes);
        var classes = MemoryMarshal.Cast<byte, long>(labels.bytes);
        for (var i = 0; i < indices.Length; i++)
        {
            var placement = augmentation is null ? Placement.Middle : Placement.Random(augmentation);
            Canvas.Draw(pictures[indices[i]], pixels.Slice(i * Canvas.Size, Canvas.Size), placement);
            classes[i] = pictures.Labels[indices[i]];
        }

        // The network takes colours; the three channels of a grey picture are one.
        return new Batch(
            images.to(device).expand(-1, 3, -1, -1).MoveToOuterDisposeScope(),
            labels.to(device).MoveToOuterDisposeScope());
    }
}
