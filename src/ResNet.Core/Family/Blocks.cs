namespace ResNet.Core.Family;

/// <summary>The kinds of blocks in torchvision's networks.</summary>
internal static class Blocks
{
    public static BlockKind Basic { get; } = new(expansion: 1, (in_channels, planes, stride, device, dtype) => new BasicBlock(in_channels, planes, stride, device, dtype));

    public static BlockKind CreateBottleneck(long groups = 1, long base_width = 64) => new(
        Bottleneck.expansion,
        (in_channels, planes, stride, device, dtype) => new Bottleneck(in_channels, planes, stride, groups, base_width, device, dtype));
}
