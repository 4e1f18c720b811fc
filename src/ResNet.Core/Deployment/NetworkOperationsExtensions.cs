namespace ResNet.Core.Deployment;

/// <summary>The forward pass, for every kind of operations.</summary>
internal static class NetworkOperationsExtensions
{
    /// <summary>The network's logits for <paramref name="x"/>. Every operation has its module's name, where there is one.</summary>
    public static T Logits<T>(this INetworkOperations<T> operations, FoldedNetwork network, T x)
    {
        x = operations.Convolve("conv1", x, network.Conv1, relu: true);
        if (network.Stem == Stem.Conv7MaxPool)
            x = operations.MaxPool("maxpool", x);
        foreach (var (index, block) in network.Blocks.Select((block, index) => (index, block)))
        {
            var name = $"layer{index / 2 + 1}.{index % 2}";
            var y = operations.Convolve($"{name}.conv1", x, block.Conv1, relu: true);
            y = operations.Convolve($"{name}.conv2", y, block.Conv2, relu: false);
            var shortcut = block.Shortcut is null ? x : operations.Convolve($"{name}.shortcut.0", x, block.Shortcut, relu: false);
            x = operations.Add($"{name}.add", y, shortcut);
        }
        x = operations.AveragePool("avgpool", x);
        return operations.Linear("fc", x, network.FcWeight, network.FcBias);
    }
}
