namespace ResNet.Core.Deployment;

/// <summary>A folded block: <c>relu(branch(x) + shortcut(x))</c>, with a ReLU after every convolution of the branch except the last.</summary>
/// <param name="Name">The name in the network, such as <c>layer1.0</c>.</param>
/// <param name="Branch">The convolutions of the branch, at least two.</param>
/// <param name="Shortcut">The convolution of the shortcut; null for the identity.</param>
internal sealed record FoldedBlock(string Name, IReadOnlyList<FoldedConvolution> Branch, FoldedConvolution? Shortcut)
{
    /// <summary>All convolutions, in the order of the forward pass.</summary>
    public IEnumerable<FoldedConvolution> Convolutions => Shortcut is null ? Branch : Branch.Append(Shortcut);

    /// <summary>
    /// Whether branch and shortcut give the same height and width for every image. Otherwise the addition may broadcast one pixel, depending on engine and size.
    /// </summary>
    public bool KeepsShape => ComputeReduction(Branch) == ComputeReduction(Shortcut is null ? [] : [Shortcut]);

    /// <summary>Any sequence of convolutions maps a height H to <c>⌊(H + Margin) / Stride⌋ + 1</c>.</summary>
    private static (Int128 Stride, Int128 Margin) ComputeReduction(IReadOnlyList<FoldedConvolution> convolutions)
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
