using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// A <see cref="ResidualNetwork"/> in eval mode with every batch norm folded into its convolution. All tensors are copies outside of any dispose scope.
/// </summary>
/// <param name="Name">The name of the network, such as <c>ResNet18</c>.</param>
/// <param name="Conv1">The first convolution.</param>
/// <param name="MaxPool">The max-pooling; null if the stem has none.</param>
/// <param name="Blocks">The blocks in order.</param>
/// <param name="AveragePool">The name of the average pooling.</param>
/// <param name="Classifier">The classifier.</param>
internal sealed record FoldedNetwork(
    string Name, FoldedConvolution Conv1, FoldedMaxPool? MaxPool, IReadOnlyList<FoldedBlock> Blocks, string AveragePool, FoldedLinear Classifier) : IDisposable
{
    /// <summary>All convolutions, in the order of the forward pass.</summary>
    public IEnumerable<FoldedConvolution> Convolutions => Blocks.SelectMany(block => block.Convolutions).Prepend(Conv1);

    public IEnumerable<Tensor> Tensors => [.. Convolutions.SelectMany(folded => new[] { folded.Weight, folded.Bias }), Classifier.Weight, Classifier.Bias];

    /// <summary>Runs the forward pass with any kind of operations. This is the only forward pass outside the models.</summary>
    /// <param name="operations">The operations, which compute or export.</param>
    /// <param name="input">The images.</param>
    /// <returns>The logits.</returns>
    public T Forward<T>(INetworkOperations<T> operations, T input)
    {
        var x = operations.Convolve(Conv1, input, relu: true);
        if (MaxPool is not null)
            x = Advance(x, operations.MaxPool(MaxPool, x));
        foreach (var block in Blocks)
            x = Advance(x, RunBlock(block, x));
        x = Advance(x, operations.AveragePool(AveragePool, x));
        return Advance(x, operations.ApplyLinear(Classifier, x));

        T RunBlock(FoldedBlock block, T x)
        {
            var y = operations.Convolve(block.Branch[0], x, relu: true);
            foreach (var convolution in block.Branch.Skip(1).SkipLast(1))
                y = Advance(y, operations.Convolve(convolution, y, relu: true));

            var shortcut = x;
            var sum = operations.ConvolveAdd($"{block.Name}.add", block.Branch[^1], y, () =>
                block.Shortcut is null ? x : shortcut = operations.Convolve(block.Shortcut, x, relu: false));
            if (block.Shortcut is not null)
                operations.Release(shortcut);
            return Advance(y, sum);
        }

        T Advance(T before, T after)
        {
            operations.Release(before);
            return after;
        }
    }

    public void Dispose()
    {
        foreach (var tensor in Tensors)
            tensor.Dispose();
    }
}
