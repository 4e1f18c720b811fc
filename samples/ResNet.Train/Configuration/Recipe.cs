using System.Text.Json.Serialization;
using ResNet.Core;

namespace ResNet.Train;

/// <summary>A training recipe. In JSON, its numbers keep their names from version 0.1.0.</summary>
/// <param name="Stem">The network's first layers.</param>
/// <param name="Size">The height and width of the network's input.</param>
/// <param name="CropRatio">The side of the center crop, as a share of an image's shorter side. Above 1, the crop has a black margin.</param>
/// <param name="Translation">The largest random translation, in image pixels, in each direction.</param>
/// <param name="MinCropArea">The smallest share of an image's area that a random crop covers; 1 always takes the center crop.</param>
/// <param name="Flip">The probability of mirroring an image.</param>
/// <param name="RandomErase">The probability of erasing a random rectangle of an image.</param>
/// <param name="Epochs">The number of passes through the training images.</param>
/// <param name="BatchSize">The number of images per training step.</param>
/// <param name="LearningRate">The peak learning rate.</param>
/// <param name="Warmup">The share of the training steps in which the rate rises.</param>
/// <param name="WeightDecay">The weight decay, for all weights except biases and batch norms.</param>
/// <param name="LabelSmoothing">The share of each label that is spread over all classes.</param>
/// <param name="Ema">The decay of the weights' moving average; 0 is none.</param>
/// <param name="Architecture">The network. Files of version 0.1.0, which had only one, lack it.</param>
internal sealed record Recipe(
    Stem Stem,
    int Size,
    [property: JsonPropertyName("Frame")] double CropRatio,
    [property: JsonPropertyName("Shift")] int Translation,
    [property: JsonPropertyName("Scale")] double MinCropArea,
    double Flip,
    [property: JsonPropertyName("Erase")] double RandomErase,
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
    /// The specification's network, for minutes without a GPU. It halves height and width four times, so images of 28x28
    /// get a margin of two pixels: 32 divides evenly.
    /// </summary>
    public static Recipe FashionMnist { get; } = new(
        Stem.Conv7, Size: 32, CropRatio: 32.0 / 28, Translation: 2, MinCropArea: 1, Flip: 0.5, RandomErase: 0,
        Epochs: 5, BatchSize: 64, LearningRate: 0.02, Warmup: 0.25, WeightDecay: 5e-4, LabelSmoothing: 0, Ema: 0);

    /// <summary>No mirroring: a mirrored shoe is a shoe, but a mirrored 2 is no digit.</summary>
    public static Recipe Digits { get; } = FashionMnist with { Flip = 0 };

    /// <summary>The usual recipe for a ResNet-18 on CIFAR, with fewer epochs.</summary>
    public static Recipe Cifar { get; } = FashionMnist with
    {
        Stem = Stem.Conv3, CropRatio = 1, Translation = 4, Epochs = 30, BatchSize = 128, LearningRate = 0.1,
    };

    /// <summary>ImageNet's preprocessing and augmentation, with batches that fit a laptop.</summary>
    public static Recipe Photographs { get; } = FashionMnist with
    {
        Stem = Stem.Conv7MaxPool, Size = 224, CropRatio = 0.875, Translation = 0, MinCropArea = 0.35, Epochs = 20, BatchSize = 32, LabelSmoothing = 0.1,
    };

    /// <summary>
    /// The recipe for a network with ImageNet's weights: ImageNet's stem and image size, and for few images more epochs with smaller random crops and
    /// random erasing. With mild augmentation, the network soon memorizes the photographs and generalizes worse than before.
    /// </summary>
    /// <param name="images">The number of training images.</param>
    public Recipe AdaptForFineTuning(int images) => this with
    {
        Stem = Stem.Conv7MaxPool,
        Size = 224,
        MinCropArea = MinCropArea < 1 ? 0.2 : 1, // small images stay whole
        RandomErase = 0.25,
        Epochs = Math.Clamp(20_000 / Math.Max(1, images), 5, 40),
        BatchSize = 32,
        LearningRate = 0.02,
        LabelSmoothing = 0.1,
    };
}
