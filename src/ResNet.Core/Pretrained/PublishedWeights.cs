namespace ResNet.Core;

// Torchvision's published weights for this library's networks. Names, numbers of parameters, accuracies and image sizes are from torchvision/models/resnet.py.
public sealed partial record PretrainedWeights
{
    private const string Publisher = "https://download.pytorch.org/models/";

    /// <summary>For a <see cref="ResNet18"/>: 69.758 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet18_ImageNet1K_V1 { get; } = new(nameof(ResNet18), "resnet18-f37072fd.pth", 11_689_512, 69.758, 89.078);

    /// <summary>For a <see cref="ResNet34"/>: 73.314 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet34_ImageNet1K_V1 { get; } = new(nameof(ResNet34), "resnet34-b627a593.pth", 21_797_672, 73.314, 91.420);

    /// <summary>For a <see cref="ResNet50"/>: 76.130 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet50_ImageNet1K_V1 { get; } = new(nameof(ResNet50), "resnet50-0676ba61.pth", 25_557_032, 76.130, 92.862);

    /// <summary>For a <see cref="ResNet50"/>: 80.858 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet50_ImageNet1K_V2 { get; } = new(nameof(ResNet50), "resnet50-11ad3fa6.pth", 25_557_032, 80.858, 95.434, resizeSize: 232);

    /// <summary>For a <see cref="ResNet101"/>: 77.374 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet101_ImageNet1K_V1 { get; } = new(nameof(ResNet101), "resnet101-63fe2227.pth", 44_549_160, 77.374, 93.546);

    /// <summary>For a <see cref="ResNet101"/>: 81.886 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet101_ImageNet1K_V2 { get; } = new(nameof(ResNet101), "resnet101-cd907fc2.pth", 44_549_160, 81.886, 95.780, resizeSize: 232);

    /// <summary>For a <see cref="ResNet152"/>: 78.312 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet152_ImageNet1K_V1 { get; } = new(nameof(ResNet152), "resnet152-394f9c45.pth", 60_192_808, 78.312, 94.046);

    /// <summary>For a <see cref="ResNet152"/>: 82.284 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNet152_ImageNet1K_V2 { get; } = new(nameof(ResNet152), "resnet152-f82ba261.pth", 60_192_808, 82.284, 96.002, resizeSize: 232);

    /// <summary>For a <see cref="ResNeXt50_32x4d"/>: 77.618 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNeXt50_32x4d_ImageNet1K_V1 { get; } = new(nameof(ResNeXt50_32x4d), "resnext50_32x4d-7cdf4587.pth", 25_028_904, 77.618, 93.698);

    /// <summary>For a <see cref="ResNeXt50_32x4d"/>: 81.198 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNeXt50_32x4d_ImageNet1K_V2 { get; } = new(nameof(ResNeXt50_32x4d), "resnext50_32x4d-1a0047aa.pth", 25_028_904, 81.198, 95.340, resizeSize: 232);

    /// <summary>For a <see cref="ResNeXt101_32x8d"/>: 79.312 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNeXt101_32x8d_ImageNet1K_V1 { get; } = new(nameof(ResNeXt101_32x8d), "resnext101_32x8d-8ba56ff5.pth", 88_791_336, 79.312, 94.526);

    /// <summary>For a <see cref="ResNeXt101_32x8d"/>: 82.834 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNeXt101_32x8d_ImageNet1K_V2 { get; } = new(nameof(ResNeXt101_32x8d), "resnext101_32x8d-110c445d.pth", 88_791_336, 82.834, 96.228, resizeSize: 232);

    /// <summary>For a <see cref="ResNeXt101_64x4d"/>: 83.246 % top-1 accuracy.</summary>
    public static PretrainedWeights ResNeXt101_64x4d_ImageNet1K_V1 { get; } = new(nameof(ResNeXt101_64x4d), "resnext101_64x4d-173b62eb.pth", 83_455_272, 83.246, 96.454, resizeSize: 232);

    /// <summary>For a <see cref="WideResNet50_2"/>: 78.468 % top-1 accuracy.</summary>
    public static PretrainedWeights WideResNet50_2_ImageNet1K_V1 { get; } = new(nameof(WideResNet50_2), "wide_resnet50_2-95faca4d.pth", 68_883_240, 78.468, 94.086);

    /// <summary>For a <see cref="WideResNet50_2"/>: 81.602 % top-1 accuracy.</summary>
    public static PretrainedWeights WideResNet50_2_ImageNet1K_V2 { get; } = new(nameof(WideResNet50_2), "wide_resnet50_2-9ba9bcbe.pth", 68_883_240, 81.602, 95.758, resizeSize: 232);

    /// <summary>For a <see cref="WideResNet101_2"/>: 78.848 % top-1 accuracy.</summary>
    public static PretrainedWeights WideResNet101_2_ImageNet1K_V1 { get; } = new(nameof(WideResNet101_2), "wide_resnet101_2-32ee1156.pth", 126_886_696, 78.848, 94.284);

    /// <summary>For a <see cref="WideResNet101_2"/>: 82.510 % top-1 accuracy.</summary>
    public static PretrainedWeights WideResNet101_2_ImageNet1K_V2 { get; } = new(nameof(WideResNet101_2), "wide_resnet101_2-d733dc28.pth", 126_886_696, 82.510, 96.020, resizeSize: 232);

    /// <summary>All published weights, by kind of network, from the smallest to the largest.</summary>
    public static IReadOnlyList<PretrainedWeights> All { get; } =
    [
        ResNet18_ImageNet1K_V1, ResNet34_ImageNet1K_V1, ResNet50_ImageNet1K_V1,
        ResNet50_ImageNet1K_V2, ResNet101_ImageNet1K_V1, ResNet101_ImageNet1K_V2,
        ResNet152_ImageNet1K_V1, ResNet152_ImageNet1K_V2, ResNeXt50_32x4d_ImageNet1K_V1,
        ResNeXt50_32x4d_ImageNet1K_V2, ResNeXt101_32x8d_ImageNet1K_V1, ResNeXt101_32x8d_ImageNet1K_V2,
        ResNeXt101_64x4d_ImageNet1K_V1, WideResNet50_2_ImageNet1K_V1, WideResNet50_2_ImageNet1K_V2,
        WideResNet101_2_ImageNet1K_V1, WideResNet101_2_ImageNet1K_V2,
    ];
}
