using ResNet.Core;

namespace ResNet.Train;

/// <summary>How a network is trained.</summary>
/// <param name="Stem">The network's first layers.</param>
/// <param name="Size">Height and width of what the network sees.</param>
/// <param name="Frame">The square that is looked at, as a share of a picture's shorter side: above 1 it has a black margin.</param>
/// <param name="Shift">How many of its pixels a picture is moved at most, to each side.</param>
/// <param name="Scale">The least share of a picture's area that is looked at; 1 leaves it at the frame.</param>
/// <param name="Flip">Probability that a picture is mirrored.</param>
/// <param name="Erase">Probability that a rectangle of a picture is hidden.</param>
/// <param name="Epochs">How often all pictures are gone through.</param>
/// <param name="BatchSize">Pictures a step.</param>
/// <param name="LearningRate">At its peak.</param>
/// <param name="Warmup">The share of the steps in which the rate rises.</param>
/// <param name="WeightDecay">Of all weights but biases and normalisations.</param>
/// <param name="LabelSmoothing">How much of a label is spread over all classes.</param>
/// <param name="Ema">Decay of the weights' moving average; 0 is none.</param>
/// <param name="Architecture">Which network. Files of version 0.1.0, which knew one, do not say it.</param>
internal sealed record Recipe(
    Stem Stem,
    int Size,
    double Frame,
    int Shift,
    double Scale,
    double Flip,
    double Erase,
    int Epochs,
    int BatchSize,
    double LearningRate,
    double Warmup,
    double WeightDecay,
    double LabelSmoothing,
    double Ema,
    Architecture Architecture = Architecture.resnet18)
{
    /// <summary>
    /// The specification's network. It halves height and width four times, so pictures of 28x28 get a margin of two pixels:
    /// 32 leaves nothing over. For minutes without a GPU.
    /// </summary>
    public static Recipe FashionMnist { get; } = new(
        Stem.Conv7, Size: 32, Frame: 32.0 / 28, Shift: 2, Scale: 1, Flip: 0.5, Erase: 0,
        Epochs: 5, BatchSize: 64, LearningRate: 0.02, Warmup: 0.25, WeightDecay: 5e-4, LabelSmoothing: 0, Ema: 0);

    /// <summary>A shoe that points left is a shoe; a mirrored 2 is nothing.</summary>
    public static Recipe Digits { get; } = FashionMnist with { Flip = 0 };

    /// <summary>What the field trains a ResNet-18 on CIFAR with, in fewer epochs.</summary>
    public static Recipe Cifar { get; } = FashionMnist with
    {
        Stem = Stem.Conv3, Frame = 1, Shift = 4, Epochs = 30, BatchSize = 128, LearningRate = 0.1,
    };

    /// <summary>Photographs, as ImageNet's are trained with and looked at, in batches that a laptop holds.</summary>
    public static Recipe Photographs { get; } = FashionMnist with
    {
        Stem = Stem.Conv7MaxPool, Size = 224, Frame = 0.875, Shift = 0, Scale = 0.35, Epochs = 20, BatchSize = 32, LabelSmoothing = 0.1,
    };

    /// <summary>
    /// The same for a network with ImageNet's weights: its stem, images of the size that it has learned from, and for few images more epochs with smaller parts
    /// of them, some of which are hidden: with mild changes the network soon knows each photograph by heart, and others less well than before.
    /// </summary>
    /// <param name="images">To train with.</param>
    public Recipe ForFineTuning(int images) => this with
    {
        Stem = Stem.Conv7MaxPool,
        Size = 224,
        Scale = Scale < 1 ? 0.2 : 1, // small images are looked at whole
        Erase = 0.25,
        Epochs = Math.Clamp(20_000 / Math.Max(1, images), 5, 40),
        BatchSize = 32,
        LearningRate = 0.02,
        LabelSmoothing = 0.1,
    };
}
