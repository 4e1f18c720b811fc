using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>The networks of this library under torchvision's names, for theories over all of them.</summary>
internal static class Family
{
    private delegate ResidualNetwork Constructor(long num_classes, Stem? stem, Device? device, ScalarType? dtype);

    private static readonly Dictionary<string, Constructor> constructors = new()
    {
        ["resnet18"] = (num_classes, stem, device, dtype) => new ResNet18(num_classes, stem ?? Stem.Conv7, device, dtype),
        ["resnet34"] = (num_classes, stem, device, dtype) => new ResNet34(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnet50"] = (num_classes, stem, device, dtype) => new ResNet50(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnet101"] = (num_classes, stem, device, dtype) => new ResNet101(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnet152"] = (num_classes, stem, device, dtype) => new ResNet152(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnext50_32x4d"] = (num_classes, stem, device, dtype) => new ResNeXt50_32x4d(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnext101_32x8d"] = (num_classes, stem, device, dtype) => new ResNeXt101_32x8d(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["resnext101_64x4d"] = (num_classes, stem, device, dtype) => new ResNeXt101_64x4d(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["wide_resnet50_2"] = (num_classes, stem, device, dtype) => new WideResNet50_2(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
        ["wide_resnet101_2"] = (num_classes, stem, device, dtype) => new WideResNet101_2(num_classes, stem ?? Stem.Conv7MaxPool, device, dtype),
    };

    /// <summary>Every network, by torchvision's name.</summary>
    public static IEnumerable<string> All => constructors.Keys;

    /// <summary><see cref="All"/> in the form that <c>MemberData</c> takes.</summary>
    public static TheoryData<string> Names { get; } = [.. All];

    /// <summary>Whether a network is the smallest with its kind of block: basic, bottleneck or grouped bottleneck.</summary>
    public static bool IsSmall(string architecture) => architecture is "resnet18" or "resnet50" or "resnext50_32x4d";

    /// <summary>Creates a network.</summary>
    /// <param name="architecture">The network's name in torchvision.</param>
    /// <param name="num_classes">The number of classes.</param>
    /// <param name="stem">The first layers; the network's own default if null.</param>
    /// <param name="device">The device of the weights; the default device if null.</param>
    /// <param name="dtype">The type of the weights; the default type if null.</param>
    public static ResidualNetwork Create(string architecture, long num_classes, Stem? stem = null, Device? device = null, ScalarType? dtype = null) =>
        constructors[architecture](num_classes, stem, device, dtype);
}
