using System.Globalization;
using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>What a file says of the networks in it, beside their tensors.</summary>
/// <remarks>
/// In a .pth file it is a part of the <c>state_dict</c>'s <c>_metadata</c>, where PyTorch keeps its own, by the modules' paths; in safetensors of the header's
/// <c>__metadata__</c>.
/// </remarks>
internal static class NetworkMetadata
{
    private const string StemKey = "resnet_core.stem", ClassesKey = "resnet_core.num_classes";

    /// <summary>What is written for a module: entries of each network in it.</summary>
    public static IReadOnlyList<(string Module, IReadOnlyList<(string Key, string Value)> Entries)> Of(IEnumerable<NamedNetwork> networks, IReadOnlyList<NamedTensor> state) =>
    [
        .. networks.Select(network => (network.Path, (IReadOnlyList<(string, string)>)
        [
            (StemKey, $"{network.Description.Stem}"),
            .. Classes(network, state) is { } classes ? [(ClassesKey, Text(classes))] : ((string, string)[])[],
        ])),
    ];

    /// <summary>What a file would say of a network, had it words for it.</summary>
    public static string? Find(string key, Stem stem, long? classes) => key switch
    {
        StemKey => $"{stem}",
        ClassesKey when classes is { } number => Text(number),
        _ => null,
    };

    /// <summary>What is wrong where a file is for another stem than a network has: with the same tensors it would answer differently. Null where nothing is known to be.</summary>
    /// <remarks>What the file says itself decides. Torchvision's files say nothing, but have torchvision's names.</remarks>
    public static string? StemMismatch(IEnumerable<NamedNetwork> networks, Reading reading)
    {
        foreach (var network in networks)
        {
            var (expected, stem) = ($"{network.Description.Stem}", Find(reading, network, StemKey));
            var start = network.Path.Length == 0 ? "" : $"{Names.Short(network.Path)}: ";
            if (stem is not null && stem != expected)
                return $"{start}expected {expected}, got {Names.Short(stem)}";
            if (stem is null && network.Description.Stem != NetworkDescription.Torchvision && HasTorchvisionsNames(reading, network) && MayHaveTorchvisionsStem(reading, network))
                return $"{start}expected {expected}, got {NetworkDescription.Torchvision}, as the names say, which are torchvision's ({ShortcutName.Torchvision})";
        }
        return null;
    }

    /// <summary>What the file says of its classes, where these are why a classifier does not fit; or nothing. Who made another classifier may have left the number.</summary>
    public static string ClassesMismatch(IEnumerable<NamedNetwork> networks, Reading reading, LoadReport report) => string.Concat(
        from network in networks
        from mismatch in report.Mismatched
        where mismatch.Name == network.FullName(NetworkDescription.Classifier)
        let classes = Find(reading, network, ClassesKey)
        where mismatch.Actual is [var rows, ..] && rows != mismatch.Expected[0] && classes == Text(rows)
        select $"; the file's network has {classes} classes, expected {Text(mismatch.Expected[0])}");

    private static string? Find(Reading reading, NamedNetwork network, string key) =>
        reading.Dictionary.Metadata($"{reading.Prefix}{network.Path}".TrimEnd('.'), key);

    private static bool HasTorchvisionsNames(Reading reading, NamedNetwork network) =>
        reading.Sources.Any(source => !source.Value.Own && source.Key.StartsWith(network.FullName(""), StringComparison.Ordinal));

    /// <summary>Not where the first convolution is another, as in what people make of torchvision's network for small images.</summary>
    private static bool MayHaveTorchvisionsStem(Reading reading, NamedNetwork network) =>
        !reading.Sources.TryGetValue(network.FullName(NetworkDescription.FirstConvolution), out var source) || source.Tensor.Shape is not [_, _, not NetworkDescription.TorchvisionsKernel, _];

    private static long? Classes(NamedNetwork network, IReadOnlyList<NamedTensor> state) =>
        state.FirstOrDefault(entry => entry.Name == network.FullName(NetworkDescription.Classifier))?.Tensor.shape is [var classes, _] ? classes : null;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
