using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The networks, by torchvision's names.</summary>
internal enum Architecture
{
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
    wide_resnet50_2,
    wide_resnet101_2,
}

internal static class ArchitectureExtensions
{
    /// <returns>The usual spelling, such as <c>ResNet-50</c>.</returns>
    public static string GetTitle(this Architecture architecture) => Describe(architecture).Title;

    /// <summary>Creates a network with random weights.</summary>
    public static ResidualNetwork Create(this Architecture architecture, int classes, Stem stem, Device device) => Describe(architecture).Make(classes, stem, device);

    private static (string Title, Func<int, Stem, Device, ResidualNetwork> Make) Describe(Architecture architecture) => architecture switch
    {
        Architecture.resnet18 => ("ResNet-18", (classes, stem, device) => new ResNet18(classes, stem, device)),
        Architecture.resnet34 => ("ResNet-34", (classes, stem, device) => new ResNet34(classes, stem, device)),
        Architecture.resnet50 => ("ResNet-50", (classes, stem, device) => new ResNet50(classes, stem, device)),
        Architecture.resnet101 => ("ResNet-101", (classes, stem, device) => new ResNet101(classes, stem, device)),
        Architecture.resnet152 => ("ResNet-152", (classes, stem, device) => new ResNet152(classes, stem, device)),
        Architecture.resnext50_32x4d => ("ResNeXt-50 32x4d", (classes, stem, device) => new ResNeXt50_32x4d(classes, stem, device)),
        Architecture.resnext101_32x8d => ("ResNeXt-101 32x8d", (classes, stem, device) => new ResNeXt101_32x8d(classes, stem, device)),
        Architecture.resnext101_64x4d => ("ResNeXt-101 64x4d", (classes, stem, device) => new ResNeXt101_64x4d(classes, stem, device)),
        Architecture.wide_resnet50_2 => ("Wide ResNet-50-2", (classes, stem, device) => new WideResNet50_2(classes, stem, device)),
        Architecture.wide_resnet101_2 => ("Wide ResNet-101-2", (classes, stem, device) => new WideResNet101_2(classes, stem, device)),
        _ => throw new ArgumentOutOfRangeException(nameof(architecture), architecture, $"Expected {EnumNames.List<Architecture>()}."),
    };
}
