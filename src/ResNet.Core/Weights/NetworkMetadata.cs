using System.Globalization;
using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>What a file records about its networks in addition to their tensors.</summary>
/// <remarks>
/// A .pth file keeps it in the <c>state_dict</c>'s <c>_metadata</c>, beside PyTorch's own entries for each module; a safetensors file in the header's
/// <c>__metadata__</c>.
/// </remarks>
internal static class NetworkMetadata
{
    private const string StemKey = "resnet_core.stem", ClassesKey = "resnet_core.num_classes";

    /// <summary>The entries to write for each network in a module.</summary>
    public static IReadOnlyList<(string Module, IReadOnlyList<(string Key, string Value)> Entries)> Create(IEnumerable<NamedNetwork> networks, IReadOnlyList<NamedTensor> state) =>
    [
        .. networks.Select(network => (network.Path, (IReadOnlyList<(string, string)>)
        [
            (StemKey, $"{network.Description.Stem}"),
            .. CountClasses(network, state) is { } classes ? [(ClassesKey, Format(classes))] : ((string, string)[])[],
        ])),
    ];

    /// <summary>The value of an entry for a network whose file format has no metadata.</summary>
    public static string? Find(string key, Stem stem, long? classes) => key switch
    {
        StemKey => $"{stem}",
        ClassesKey when classes is { } number => Format(number),
        _ => null,
    };

    /// <summary>
    /// Describes a file for a stem other than the network's, and what to do: with the same tensors, the outputs would be wrong. Null if no mismatch is known.
    /// The advice is empty if this version does not know the stem.
    /// </summary>
    /// <remarks>The file's own metadata decides. Torchvision's files have none, but are recognized by their names.</remarks>
    public static (string Problem, string Advice)? DescribeStemMismatch(IEnumerable<NamedNetwork> networks, StateDictCandidate candidate)
    {
        foreach (var network in networks)
        {
            var (expected, stem) = ($"{network.Description.Stem}", Find(candidate, network, StemKey));
            var start = network.Path.Length == 0 ? "" : $"{Names.Shorten(network.Path)}: ";
            if (stem is not null && stem != expected)
                return ($"{start}expected {expected}, got {Names.Shorten(stem)}", Enum.GetNames<Stem>().Contains(stem) ? Advise(stem) : "");
            if (stem is null && network.Description.Stem != NetworkDescription.Torchvision && HasTorchvisionNames(candidate, network) && MayHaveTorchvisionStem(candidate, network))
                return ($"{start}expected {expected}, got {NetworkDescription.Torchvision}, since the names are torchvision's ({ShortcutName.Torchvision})", Advise($"{NetworkDescription.Torchvision}"));
        }
        return null;

        static string Advise(string stem) => $"; create the network with {nameof(Stem)}.{stem}";
    }

    /// <summary>Describes a mismatch of the number of classes; empty if there is none. The recorded number may be outdated if the classifier was replaced.</summary>
    public static string DescribeClassMismatch(IEnumerable<NamedNetwork> networks, StateDictCandidate candidate, LoadReport report) => string.Concat(
        from network in networks
        from mismatch in report.Mismatched
        where mismatch.Name == network.GetFullName(NetworkDescription.Classifier)
        let classes = Find(candidate, network, ClassesKey)
        where mismatch.Actual is [var rows, ..] && rows != mismatch.Expected[0] && classes == Format(rows)
        select $"; the file's network has {classes} classes, expected {Format(mismatch.Expected[0])}");

    private static string? Find(StateDictCandidate candidate, NamedNetwork network, string key) =>
        candidate.Dictionary.FindMetadata($"{candidate.Prefix}{network.Path}".TrimEnd('.'), key);

    private static bool HasTorchvisionNames(StateDictCandidate candidate, NamedNetwork network) =>
        candidate.Sources.Any(source => !source.Value.Own && source.Key.StartsWith(network.GetFullName(""), StringComparison.Ordinal));

    /// <summary>False if the first convolution has another size, as in common adaptations of torchvision's network to small images.</summary>
    private static bool MayHaveTorchvisionStem(StateDictCandidate candidate, NamedNetwork network) =>
        !candidate.Sources.TryGetValue(network.GetFullName(NetworkDescription.FirstConvolution), out var source) || source.Tensor.Shape is not [_, _, not NetworkDescription.TorchvisionKernelSize, _];

    private static long? CountClasses(NamedNetwork network, IReadOnlyList<NamedTensor> state) =>
        state.FirstOrDefault(entry => entry.Name == network.GetFullName(NetworkDescription.Classifier))?.Tensor.shape is [var classes, _] ? classes : null;

    private static string Format(long number) => number.ToString(CultureInfo.InvariantCulture);
}
