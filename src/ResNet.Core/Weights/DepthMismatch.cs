using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>Recognizes weights of a network of another depth, which explains hundreds of missing and unexpected names in one sentence.</summary>
internal static class DepthMismatch
{
    /// <summary>The depths of the file's networks that differ from the module's, for the start of a message; empty if none differ.</summary>
    public static string Describe(IEnumerable<NamedNetwork> networks, IReadOnlyList<NamedTensor> state, StateDictCandidate candidate) => string.Concat(
        from network in networks
        let expected = CountLayers(state.Select(entry => entry.Name), network.GetFullName(""))
        let got = CountLayers(candidate.Dictionary.Entries.Select(entry => entry.Name), candidate.Prefix + network.GetFullName(""))
        where expected is not null && got is not null && got != expected
        select $"{(network.Path.Length == 0 ? "" : $"{Names.Shorten(network.Path)}: ")}the file's network has {got} layers, expected {expected}; ");

    private static int? CountLayers(IEnumerable<string> names, string prefix) =>
        NetworkDescription.CountLayers(names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]));
}
