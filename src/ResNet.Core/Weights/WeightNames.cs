namespace ResNet.Core;

/// <summary>Whose names the tensors have in a file of <see cref="Checkpoint.Save"/>. <see cref="Checkpoint.Load"/> takes both.</summary>
public enum WeightNames
{
    /// <summary>The module's own, as in the mirrored PyTorch code: a block's skip connection is <c>shortcut</c>.</summary>
    ResNetCore,

    /// <summary>
    /// Those of <c>torchvision.models</c>: a block's skip connection is <c>downsample</c>. For <see cref="Stem.Conv7MaxPool"/>, which torchvision's networks have.
    /// </summary>
    Torchvision,
}
