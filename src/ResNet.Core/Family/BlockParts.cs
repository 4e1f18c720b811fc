using TorchSharp.Modules;

namespace ResNet.Core.Family;

/// <summary>A convolution and the batch norm after it, with their names in a block.</summary>
internal sealed record ConvolutionParts(string ConvName, Conv2d Conv, string NormName, BatchNorm2d Norm);

/// <summary>The parts of a block, which computes <c>relu(branch(x) + shortcut(x))</c>, with a ReLU after every convolution of the branch except the last.</summary>
/// <param name="Branch">The convolutions of the branch, at least one.</param>
/// <param name="Shortcut">The shortcut; empty for the identity.</param>
internal sealed record BlockParts(IReadOnlyList<ConvolutionParts> Branch, Sequential Shortcut)
{
    /// <summary>The kinds of blocks, for messages.</summary>
    public const string Kinds = $"{nameof(BasicBlock)} or {nameof(Bottleneck)}";

    /// <summary>Finds the parts of a block. Null if the module is not exactly one of this library's blocks: a derived class may have another forward pass.</summary>
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
