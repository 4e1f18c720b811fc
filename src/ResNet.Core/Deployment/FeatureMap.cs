namespace ResNet.Core.Deployment;

/// <summary>An activation whose size may be known in advance.</summary>
/// <param name="Name">The name in the script.</param>
/// <param name="Size">The size of the batch; null if any size is possible.</param>
internal sealed record FeatureMap(string Name, BatchSize? Size)
{
    /// <summary>The output of a convolution or pooling.</summary>
    public FeatureMap Through(long kernel, long stride, long padding) => Size is not { } size ? this : this with
    {
        Size = size with { Height = Deployment.Taps.Outputs(size.Height, kernel, stride, padding), Width = Deployment.Taps.Outputs(size.Width, kernel, stride, padding) },
    };

    /// <summary>The rows and columns of a kernel that are needed for this size; all of them if the size is unknown.</summary>
    public (Taps Rows, Taps Columns) Taps(FoldedConvolution convolution)
    {
        return (In(Size?.Height), In(Size?.Width));

        Taps In(long? size) => Deployment.Taps.Find(size, convolution.Kernel, convolution.Stride, convolution.Padding);
    }
}
