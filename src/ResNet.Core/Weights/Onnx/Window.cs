namespace ResNet.Core.Weights.Onnx;

/// <summary>Height and width of a value; null where the file leaves them dynamic.</summary>
internal readonly record struct SpatialSize(long? Height, long? Width)
{
    /// <summary>The size of the output of a convolution or pooling.</summary>
    public SpatialSize ApplyWindow(Window window) => new(window.Count(Height), window.Count(Width));
}

/// <summary>The square window of a convolution or pooling, with the same padding on all sides.</summary>
internal sealed record Window(long Kernel, long Stride, long Padding)
{
    public static readonly string[] Attributes = ["kernel_shape", "strides", "pads", "dilations", "auto_pad"];

    private const long MaxPixels = int.MaxValue; // so that no sum overflows

    /// <summary>The number of output pixels for a number of input pixels.</summary>
    public long? Count(long? pixels) => Count(pixels, Kernel, Stride, 2 * Padding);

    /// <param name="node">A convolution or pooling.</param>
    /// <param name="kernel">Height and width of the weights; null if only <c>kernel_shape</c> tells.</param>
    /// <param name="size">Height and width of the input.</param>
    /// <exception cref="InvalidDataException">The window is not square, is dilated, or has different padding on its sides.</exception>
    /// <remarks>
    /// CNTK pads less on the right and at the bottom where the convolution does not reach the last pixels. The image size tells whether that is so.
    /// </remarks>
    public static Window Read(Node node, long? kernel, SpatialSize size)
    {
        var kernelSize = ReadEqual(node, "kernel_shape", kernel);
        if (kernel is not null && kernelSize != kernel)
            throw node.Unexpected($"kernel_shape ({kernel}, {kernel}), as its weights say", $"({kernelSize}, {kernelSize})");
        var stride = ReadEqual(node, "strides", 1);
        if (ReadEqual(node, "dilations", 1) is not 1 and var dilation)
            throw node.Unexpected("dilations (1, 1)", $"({dilation}, {dilation})");

        var (top, left, bottom, right) = ReadPads(node, kernelSize, stride, size);
        if (top != left || !IsSame(size.Height, bottom) || !IsSame(size.Width, right))
            throw node.Unexpected("the same pads on all sides, or a fixed image size for which other pads have the same effect", $"({top}, {left}, {bottom}, {right})");
        return new Window(kernelSize, stride, top);

        bool IsSame(long? pixels, long end) => end == top || (Count(pixels, kernelSize, stride, top + end) is { } count && count == Count(pixels, kernelSize, stride, 2 * top));
    }

    private static (long Top, long Left, long Bottom, long Right) ReadPads(Node node, long kernel, long stride, SpatialSize size)
    {
        var kind = node.Find("auto_pad") is { } found ? found.Text ?? "of another kind" : "";
        switch (kind)
        {
            case "" or "NOTSET":
                return node.Find("pads") switch
                {
                    null => (0, 0, 0, 0),
                    { Ints: [>= 0 and < MaxPixels and var top, >= 0 and < MaxPixels and var left, >= 0 and < MaxPixels and var bottom, >= 0 and < MaxPixels and var right] } => (top, left, bottom, right),
                    var other => throw node.Unexpected("four pads of at least 0", $"({string.Join(", ", other.Ints ?? [])})"),
                };
            case "VALID":
                return (0, 0, 0, 0);
            case "SAME_UPPER" or "SAME_LOWER" when (ComputeTotal(size.Height), ComputeTotal(size.Width)) is ({ } height, { } width):
                var (less, more) = ((height / 2, width / 2), (height - height / 2, width - width / 2));
                return kind == "SAME_UPPER" ? (less.Item1, less.Item2, more.Item1, more.Item2) : (more.Item1, more.Item2, less.Item1, less.Item2);
            default:
                throw node.Unexpected("pads, or a fixed image size from which they follow", $"auto_pad {Names.Shorten(kind)}");
        }

        // The total padding with which the output has ceil(pixels / stride) pixels.
        long? ComputeTotal(long? pixels) => stride == 1 ? kernel - 1 : pixels is > 0 and < MaxPixels and var known ? Math.Max(((known + stride - 1) / stride - 1) * stride + kernel - known, 0) : null;
    }

    private static long? Count(long? pixels, long kernel, long stride, long padding) =>
        pixels is > 0 and < MaxPixels and var known && known + padding >= kernel ? (known + padding - kernel) / stride + 1 : null;

    /// <summary>The value of an attribute that must be the same for height and width, at least 1.</summary>
    private static long ReadEqual(Node node, string attribute, long? otherwise) => node.Find(attribute) switch
    {
        null when otherwise is { } number => number,
        { Ints: [>= 1 and < MaxPixels and var height, var width] } when height == width => height,
        var other => throw node.Unexpected($"{attribute} of two equal numbers", other is null ? "none" : $"({string.Join(", ", other.Ints ?? [])})"),
    };
}
