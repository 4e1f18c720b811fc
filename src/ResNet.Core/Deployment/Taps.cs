namespace ResNet.Core.Deployment;

/// <summary>
/// The taps of a kernel in one direction that reach a pixel. The others only see padding and add zeros: on a feature map of one pixel, a 3x3 convolution reduces to its
/// center.
/// </summary>
/// <param name="First">The first tap.</param>
/// <param name="Count">The number of taps.</param>
/// <param name="Padding">The padding on each side for a kernel of these taps.</param>
internal readonly record struct Taps(long First, long Count, long Padding)
{
    /// <summary>Finds the taps that are needed for an input size.</summary>
    /// <param name="size">The size of the input in this direction, in pixels; null if any.</param>
    /// <param name="kernel">The kernel size.</param>
    /// <param name="stride">The stride in pixels.</param>
    /// <param name="padding">The padding on each side, in pixels.</param>
    public static Taps Find(long? size, long kernel, long stride, long padding)
    {
        var all = new Taps(0, kernel, padding);
        if (size is not { } pixels) return all;
        var outputs = CountOutputs(pixels, kernel, stride, padding);
        var first = Math.Max(0, padding - (outputs - 1) * stride);
        var needed = new Taps(first, Math.Min(kernel, pixels + padding) - first, padding - first);
        return needed.Count > 0 && CountOutputs(pixels, needed.Count, stride, needed.Padding) == outputs ? needed : all; // oneDNN's operation has the same padding on both sides
    }

    /// <summary>The number of outputs of a kernel in one direction.</summary>
    public static long CountOutputs(long size, long kernel, long stride, long padding) => (size + 2 * padding - kernel) / stride + 1;
}
