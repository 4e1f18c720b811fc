namespace ResNet.Core.Deployment;

/// <summary>A block for inference: <c>relu(branch(x) + shortcut(x))</c>, with a ReLU behind every convolution of the branch but the last.</summary>
/// <param name="Name">In the network, such as <c>layer1.0</c>.</param>
/// <param name="Branch">Two convolutions or more.</param>
/// <param name="Shortcut">Null is the identity.</param>
internal sealed record FoldedBlock(string Name, IReadOnlyList<FoldedConvolution> Branch, FoldedConvolution? Shortcut)
{
    /// <summary>In the order of the forward pass.</summary>
    public IEnumerable<FoldedConvolution> Convolutions => Shortcut is null ? Branch : Branch.Append(Shortcut);

    /// <summary>
    /// Whether the branch and the shortcut make the same height and width of every image. Otherwise the addition spreads one pixel over
    /// many: not in every engine and for every size.
    /// </summary>
    public bool KeepsShape => Reduction(Branch) == Reduction(Shortcut is null ? [] : [Shortcut]);

    /// <summary>Of a height H convolutions make <c>⌊(H + Margin) / Stride⌋ + 1</c>, whatever H is: so does one behind another.</summary>
    private static (Int128 Stride, Int128 Margin) Reduction(IReadOnlyList<FoldedConvolution> convolutions)
    {
        Int128 stride = 1, margin = -1;
        foreach (var convolution in convolutions)
        {
            margin += stride * (2 * convolution.Padding - convolution.Kernel + 1);
            stride *= convolution.Stride;
        }
        return (stride, margin);
    }
}
