using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Separates a network's last layer, <c>fc</c>, from the others, which do not depend on the classes.</summary>
internal static class Classifier
{
    public static bool Has(string name) => name.StartsWith("fc.", StringComparison.Ordinal);

    /// <returns>The tensors of all other layers, in the network's order.</returns>
    public static IEnumerable<KeyValuePair<string, Tensor>> ListOthers(ResidualNetwork model) => model.state_dict().Where(entry => !Has(entry.Key));

    /// <summary>Copies the weights of all other layers into a network of the same architecture.</summary>
    public static void CopyOthers(ResidualNetwork source, ResidualNetwork target)
    {
        using var _ = no_grad();
        var weights = source.state_dict();
        foreach (var (name, tensor) in ListOthers(target))
            tensor.copy_(weights[name]);
    }
}
