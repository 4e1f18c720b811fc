using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network's last layer, <c>fc</c>, and all but that: what a network for other classes has in common with it.</summary>
internal static class Classifier
{
    public static bool Has(string name) => name.StartsWith("fc.", StringComparison.Ordinal);

    /// <summary>The tensors of all other layers, in the network's order.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> Others(ResidualNetwork model) => model.state_dict().Where(entry => !Has(entry.Key));

    /// <summary>Gives a network of the same kind the weights of all other layers.</summary>
    public static void CopyOthers(ResidualNetwork source, ResidualNetwork target)
    {
        using var _ = no_grad();
        var weights = source.state_dict();
        foreach (var (name, tensor) in Others(target))
            tensor.copy_(weights[name]);
    }
}
