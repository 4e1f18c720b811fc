using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>Renames a module's tensors for torchvision's networks.</summary>
internal static class TorchvisionNames
{
    /// <param name="state">The module's tensors.</param>
    /// <param name="networks">The module's networks.</param>
    /// <exception cref="ArgumentException">Torchvision does not have a network's stem, or two tensors would get the same name.</exception>
    public static IReadOnlyList<NamedTensor> Rename(IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        foreach (var network in networks)
            if (network.Description.Stem != NetworkDescription.Torchvision)
                throw new ArgumentException(
                    $"Expected a network with Stem.{NetworkDescription.Torchvision} under torchvision's names, got {(network.Path.Length == 0 ? "one" : Names.Shorten(network.Path))} with Stem.{network.Description.Stem}: " +
                    "torchvision's network has no other stem; with these weights it would give other outputs, or not load them. " +
                    $"Create the network with Stem.{NetworkDescription.Torchvision} before training, or save it under {nameof(WeightNames)}.{nameof(WeightNames.ResNetCore)}.");

        var taken = new Dictionary<string, string>();
        foreach (var entry in state)
            if (!taken.TryAdd(entry.TorchvisionName, entry.Name))
                throw new ArgumentException(
                    $"Expected distinct tensor names, got '{Names.Shorten(taken[entry.TorchvisionName])}' and '{Names.Shorten(entry.Name)}', which are both '{Names.Shorten(entry.TorchvisionName)}' under torchvision's names. " +
                    $"Save them under {nameof(WeightNames)}.{nameof(WeightNames.ResNetCore)}.");
        return [.. state.Select(entry => entry with { Name = entry.TorchvisionName })];
    }
}
