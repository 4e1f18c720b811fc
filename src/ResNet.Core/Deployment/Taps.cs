namespace ResNet.Core.Deployment;

/// <summary>
/// The taps of a kernel, in one direction, that meet a pixel. The others see padding alone and add zeros: on a map of one pixel, a 3x3
/// convolution is its centre.
/// </summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Padding">On each side, for a kernel of these alone.</param>
internal readonly record struct Taps(long First, long Count, long Padding)
{
    /// <param name="size">Of the input in this direction, in pixels; null is any.</param>
    /// <param name="kernel">In taps.</param>
    /// <param name="stride">In pixels.</param>
    /// <param name="padding">In pixels, on each side.</param>
    public static Taps In(long? size, long kernel, long stride, long padding)
    {
        var all = new Taps(0, kernel, padding);
        if (size is not { } pixels) return all;
        var outputs = Outputs(pixels, kernel, stride, padding);
        var first = Math.Max(0, padding - (outputs - 1) * stride);
        var needed = new Taps(first, Math.Min(kernel, pixels + padding) - first, padding - first);
        return needed.Count > 0 && Outputs(pixels, needed.Count, stride, needed.Padding) == outputs ? needed : all; // oneDNN's operation has one padding for both sides
    }

    /// <summary>How many places a kernel has, in one direction.</summary>
    public static long Outputs(long size, long kernel, long stride, long padding) => (size + 2 * padding - kernel) / stride + 1;
}
