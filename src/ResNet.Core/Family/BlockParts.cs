using TorchSharp.Modules;

namespace ResNet.Core.Family;

/// <summary>A convolution and the batch norm behind it, under their names in a block.</summary>
internal sealed record ConvolutionParts(string ConvName, Conv2d Conv, string NormName, BatchNorm2d Norm);

/// <summary>What a block consists of. It computes <c>relu(branch(x) + shortcut(x))</c>, with a ReLU behind every convolution of the branch but the last.</summary>
/// <param name="Branch">At least one convolution.</param>
/// <param name="Shortcut">Empty is the identity.</param>
internal sealed record BlockParts(IReadOnlyList<ConvolutionParts> Branch, Sequential Shortcut)
{
    /// <summary>What blocks there are, for messages.</summary>
    public const string Kinds = $"{nameof(BasicBlock)} or {nameof(Bottleneck)}";

    /// <summary>Null where a module is none of this library's blocks, or of a class that derives from one: its forward pass may be another one.</summary>
    public static BlockParts? Find(object module) => module switch
    {
        BasicBlock block when block.GetType() == typeof(BasicBlock) => new(
            [
                new(nameof(block.conv1), block.conv1, nameof(block.bn1), block.bn1),
                new(nameof(block.conv2), block.conv2, nameof(block.bn2), block.bn2),
            ],
            block.shortcut),
        Bottleneck block when block.GetType() == typeof(Bottleneck) => new(
            [
                new(nameof(block.conv1), block.conv1, nameof(block.bn1), block.bn1),
                new(nameof(block.conv2), block.conv2, nameof(block.bn2), block.bn2),
                new(nameof(block.conv3), block.conv3, nameof(block.bn3), block.bn3),
            ],
            block.shortcut),
        _ => null,
    };
}
