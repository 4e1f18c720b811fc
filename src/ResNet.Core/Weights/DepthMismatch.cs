using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>Tells that a file is another network's: of hundreds of names that are missing or not expected, that is what a person wants to know.</summary>
internal static class DepthMismatch
{
    /// <summary>How many layers the file's networks have, where the module's have another number; or nothing.</summary>
    public static string Describe(IEnumerable<NamedNetwork> networks, IReadOnlyList<NamedTensor> state, Reading reading) => string.Concat(
        from network in networks
        let expected = Depth(state.Select(entry => entry.Name), network.FullName(""))
        let got = Depth(reading.Dictionary.Entries.Select(entry => entry.Name), reading.Prefix + network.FullName(""))
        where expected is not null && got is not null && got != expected
        select $"; {(network.Path.Length == 0 ? "" : $"{Names.Short(network.Path)}: ")}the file's network has {got} layers, expected {expected}");

    private static int? Depth(IEnumerable<string> names, string prefix) =>
        NetworkDescription.Depth(names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]));
}
