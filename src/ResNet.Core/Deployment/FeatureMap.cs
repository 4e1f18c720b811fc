namespace ResNet.Core.Deployment;

/// <summary>What goes from layer to layer, where its size is known before it is computed.</summary>
/// <param name="Name">In the script.</param>
/// <param name="Size">Of the batch; null is any.</param>
internal sealed record FeatureMap(string Name, BatchSize? Size)
{
    /// <summary>Behind a convolution or a pooling.</summary>
    public FeatureMap Through(long kernel, long stride, long padding) => Size is not { } size ? this : this with
    {
        Size = size with { Height = Deployment.Taps.Outputs(size.Height, kernel, stride, padding), Width = Deployment.Taps.Outputs(size.Width, kernel, stride, padding) },
    };

    /// <summary>A kernel's rows and columns that are needed here: all of them where the size is not known.</summary>
    public (Taps Rows, Taps Columns) Taps(FoldedConvolution convolution)
    {
        return (In(Size?.Height), In(Size?.Width));

        Taps In(long? size) => Deployment.Taps.In(size, convolution.Kernel, convolution.Stride, convolution.Padding);
    }
}
