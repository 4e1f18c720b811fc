using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>A module's tensors under torchvision's names, for torchvision's networks.</summary>
internal static class TorchvisionNames
{
    /// <param name="state">The module's.</param>
    /// <param name="networks">The module's.</param>
    /// <exception cref="ArgumentException">In torchvision they would be another network's, or two would have one name.</exception>
    public static IReadOnlyList<NamedTensor> Rename(IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        foreach (var network in networks)
            if (network.Description.Stem != NetworkDescription.Torchvision)
                throw new ArgumentException(
                    $"Expected a network with Stem.{NetworkDescription.Torchvision} under torchvision's names, got {(network.Path.Length == 0 ? "one" : Names.Short(network.Path))} with Stem.{network.Description.Stem}: " +
                    "torchvision's has no other stem, and would answer differently with these weights or not take them. " +
                    $"Make the network with Stem.{NetworkDescription.Torchvision} before it is trained, or save it under {nameof(WeightNames)}.{nameof(WeightNames.ResNetCore)}.");

        var taken = new Dictionary<string, string>();
        foreach (var entry in state)
            if (!taken.TryAdd(entry.TorchvisionsName, entry.Name))
                throw new ArgumentException(
                    $"Expected tensors that have a name each, got '{Names.Short(taken[entry.TorchvisionsName])}' and '{Names.Short(entry.Name)}', which are both '{Names.Short(entry.TorchvisionsName)}' under torchvision's names. " +
                    $"Save them under {nameof(WeightNames)}.{nameof(WeightNames.ResNetCore)}.");
        return [.. state.Select(entry => entry with { Name = entry.TorchvisionsName })];
    }
}
