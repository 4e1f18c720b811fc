namespace ResNet.Core.Deployment;

/// <summary>An activation whose size may be known in advance.</summary>
/// <param name="Name">The name in the script.</param>
/// <param name="Size">The size of the batch; null if any size is possible.</param>
internal sealed record FeatureMap(string Name, BatchSize? Size)
{
    /// <summary>The output of a convolution or pooling.</summary>
    public FeatureMap ApplyWindow(long kernel, long stride, long padding) => Size is not { } size ? this : this with
    {
        Size = size with { Height = Taps.CountOutputs(size.Height, kernel, stride, padding), Width = Taps.CountOutputs(size.Width, kernel, stride, padding) },
    };

    /// <summary>The rows and columns of a kernel that are needed for this size; all of them if the size is unknown.</summary>
    public (Taps Rows, Taps Columns) FindTaps(FoldedConvolution convolution)
    {
        return (Find(Size?.Height), Find(Size?.Width));

        Taps Find(long? size) => Taps.Find(size, convolution.Kernel, convolution.Stride, convolution.Padding);
    }
}
