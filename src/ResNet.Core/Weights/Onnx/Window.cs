namespace ResNet.Core.Weights.Onnx;

/// <summary>Height and width of what goes through the network, where the file fixes them; else null.</summary>
internal readonly record struct Extent(long? Height, long? Width)
{
    /// <summary>What is left of it.</summary>
    public Extent Through(Window window) => new(window.Count(Height), window.Count(Width));
}

/// <summary>What a convolution or a pooling goes over an image with: square, and with the same padding on all sides.</summary>
internal sealed record Window(long Kernel, long Stride, long Padding)
{
    public static readonly string[] Attributes = ["kernel_shape", "strides", "pads", "dilations", "auto_pad"];

    private const long MostPixels = int.MaxValue; // and so no sum of a few overflows

    /// <summary>How many places it has over so many pixels.</summary>
    public long? Count(long? pixels) => Count(pixels, Kernel, Stride, 2 * Padding);

    /// <param name="node">A convolution or pooling.</param>
    /// <param name="kernel">Height and width of its weights; null where the node itself has to say.</param>
    /// <param name="extent">Of what goes in.</param>
    /// <exception cref="InvalidDataException">It is another one.</exception>
    /// <remarks>
    /// CNTK pads less on the right and the bottom where the last pixels there are not looked at: whether that is so, the size of the image says.
    /// </remarks>
    public static Window Read(Node node, long? kernel, Extent extent)
    {
        var size = Both(node, "kernel_shape", kernel);
        if (kernel is not null && size != kernel)
            throw node.Unexpected($"kernel_shape ({kernel}, {kernel}), as its weights have it", $"({size}, {size})");
        var stride = Both(node, "strides", 1);
        if (Both(node, "dilations", 1) is not 1 and var dilation)
            throw node.Unexpected("dilations (1, 1)", $"({dilation}, {dilation})");

        var (top, left, bottom, right) = Pads(node, size, stride, extent);
        if (top != left || !IsSame(extent.Height, bottom) || !IsSame(extent.Width, right))
            throw node.Unexpected("the same pads on all sides, or images of a fixed size for which that is the same", $"({top}, {left}, {bottom}, {right})");
        return new Window(size, stride, top);

        bool IsSame(long? pixels, long end) => end == top || (Count(pixels, size, stride, top + end) is { } count && count == Count(pixels, size, stride, 2 * top));
    }

    private static (long Top, long Left, long Bottom, long Right) Pads(Node node, long kernel, long stride, Extent extent)
    {
        var kind = node.Find("auto_pad") is { } found ? found.Text ?? "of another kind" : "";
        switch (kind)
        {
            case "" or "NOTSET":
                return node.Find("pads") switch
                {
                    null => (0, 0, 0, 0),
                    { Ints: [>= 0 and < MostPixels and var top, >= 0 and < MostPixels and var left, >= 0 and < MostPixels and var bottom, >= 0 and < MostPixels and var right] } => (top, left, bottom, right),
                    var other => throw node.Unexpected("four pads of at least 0", $"({string.Join(", ", other.Ints ?? [])})"),
                };
            case "VALID":
                return (0, 0, 0, 0);
            case "SAME_UPPER" or "SAME_LOWER" when (Total(extent.Height), Total(extent.Width)) is ({ } height, { } width):
                var (less, more) = ((height / 2, width / 2), (height - height / 2, width - width / 2));
                return kind == "SAME_UPPER" ? (less.Item1, less.Item2, more.Item1, more.Item2) : (more.Item1, more.Item2, less.Item1, less.Item2);
            default:
                throw node.Unexpected("pads, or images of a fixed size that say what they are", $"auto_pad {Names.Short(kind)}");
        }

        // So many that the stride divides the image, the rest of it too.
        long? Total(long? pixels) => stride == 1 ? kernel - 1 : pixels is > 0 and < MostPixels and var known ? Math.Max(((known + stride - 1) / stride - 1) * stride + kernel - known, 0) : null;
    }

    private static long? Count(long? pixels, long kernel, long stride, long padding) =>
        pixels is > 0 and < MostPixels and var known && known + padding >= kernel ? (known + padding - kernel) / stride + 1 : null;

    /// <summary>The number that is the same in both directions, at least 1.</summary>
    private static long Both(Node node, string attribute, long? otherwise) => node.Find(attribute) switch
    {
        null when otherwise is { } number => number,
        { Ints: [>= 1 and < MostPixels and var height, var width] } when height == width => height,
        var other => throw node.Unexpected($"{attribute} of two equal numbers", other is null ? "none" : $"({string.Join(", ", other.Ints ?? [])})"),
    };
}
