namespace ResNet.Core;

/// <summary>The naming scheme of the tensors in a file of <see cref="Checkpoint.Save"/>. <see cref="Checkpoint.Load"/> accepts both.</summary>
public enum WeightNames
{
    /// <summary>The module's own names, as in the mirrored PyTorch code: a block's skip connection is <c>shortcut</c>.</summary>
    ResNetCore,

    /// <summary>
    /// The names of <c>torchvision.models</c>: a block's skip connection is <c>downsample</c>. Only for networks with <see cref="Stem.Conv7MaxPool"/>, the stem
    /// of torchvision's networks.
    /// </summary>
    Torchvision,
}
