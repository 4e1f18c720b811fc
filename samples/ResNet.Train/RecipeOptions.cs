using System.CommandLine;
using ResNet.Core;

namespace ResNet.Train;

/// <summary>The options that change a <see cref="Recipe"/>. The dataset's recipe has the defaults.</summary>
internal sealed class RecipeOptions
{
    private readonly Option<Architecture?> _architecture = Options.CreateOneOf<Architecture>("--arch", "The network, by torchvision's names", byDefault: Architecture.resnet18);
    private readonly Option<Stem?> _stem = Options.CreateOneOf<Stem>("--stem", "First layers of the network");

    private readonly Option<int?> _size = Options.CreateNumber("--size", Limits.Size, "Height and width of the network's input; half the size takes a quarter of the time");
    private readonly RenamedOption<double> _cropRatio = new("--crop-ratio", "--frame", Limits.CropRatio, "Side of the center crop, as a share of an image's shorter side; above 1 it has a black margin");
    private readonly RenamedOption<int> _translation = new("--translate", "--shift", Limits.Translation, "Largest random translation in image pixels, in each direction");
    private readonly RenamedOption<double> _minCropArea = new("--min-crop-area", "--scale", Limits.MinCropArea, "Smallest share of an image's area in a random crop; 1 always takes the center crop");
    private readonly Option<double?> _flip = Options.CreateNumber("--flip", Limits.Flip, "Probability of mirroring an image");
    private readonly RenamedOption<double> _randomErase = new("--random-erase", "--erase", Limits.RandomErase, "Probability of erasing a random rectangle of an image");
    private readonly Option<int?> _epochs = Options.CreateNumber("--epochs", Limits.Epochs, "Number of passes through the training images");
    private readonly Option<int?> _batchSize = Options.CreateNumber("--batch-size", Limits.BatchSize, "Images per training step, over all ranks");
    private readonly Option<double?> _learningRate = Options.CreateNumber("--lr", Limits.LearningRate, "Peak learning rate; the rate rises to it and falls to zero [default on several ranks with --batch-size: the dataset's rate times --batch-size over the dataset's batch size]");
    private readonly Option<double?> _warmup = Options.CreateNumber("--warmup", Limits.Warmup, "Share of the training steps in which the learning rate rises");
    private readonly Option<double?> _weightDecay = Options.CreateNumber("--weight-decay", Limits.WeightDecay, "Weight decay, for all weights except biases and batch norms");
    private readonly Option<double?> _labelSmoothing = Options.CreateNumber("--label-smoothing", Limits.LabelSmoothing, "Share of each label that is spread over all classes");
    private readonly Option<double?> _ema = Options.CreateNumber("--ema", Limits.Ema, "Decay of an exponential moving average of the weights, such as 0.999, which is then the result; 0 is none");

    public Option[] NetworkAndImages => [_architecture, _stem, _size, .. _cropRatio.Both, .. Augmentation];

    public Option[] Steps => [_batchSize, _weightDecay, _labelSmoothing];

    public Option[] Schedule => [_epochs, _learningRate, _warmup, _ema];

    /// <summary>The options of training steps, which have no effect on fitting the classifier alone.</summary>
    public Option[] EveryLayer => [.. Augmentation, .. Steps, .. Schedule];

    private Option[] Augmentation => [.. _translation.Both, .. _minCropArea.Both, _flip, .. _randomErase.Both];

    /// <returns>The batch size that the user named, or null.</returns>
    public int? GetBatchSize(ParseResult result) => result.GetValue(_batchSize);

    /// <summary>
    /// Scales the default learning rate with the batch size that the user named: twice the images, twice the rate (arXiv:1706.02677). This is for
    /// several ranks, which are for larger batches; a single process keeps its rate.
    /// </summary>
    public Recipe ScaleRate(ParseResult result, Recipe recipe, Recipe byDefault) =>
        result.GetValue(_batchSize) is null || result.GetValue(_learningRate) is not null ? recipe
        : recipe with { LearningRate = byDefault.LearningRate * recipe.BatchSize / byDefault.BatchSize };

    /// <returns>The default recipe with the values that the user named.</returns>
    public Recipe Apply(ParseResult result, Recipe byDefault) => byDefault with
    {
        Architecture = result.GetValue(_architecture)!.Value,
        Stem = result.GetValue(_stem) ?? byDefault.Stem,
        Size = result.GetValue(_size) ?? byDefault.Size,
        CropRatio = _cropRatio.GetValue(result) ?? byDefault.CropRatio,
        Translation = _translation.GetValue(result) ?? byDefault.Translation,
        MinCropArea = _minCropArea.GetValue(result) ?? byDefault.MinCropArea,
        Flip = result.GetValue(_flip) ?? byDefault.Flip,
        RandomErase = _randomErase.GetValue(result) ?? byDefault.RandomErase,
        Epochs = result.GetValue(_epochs) ?? byDefault.Epochs,
        BatchSize = result.GetValue(_batchSize) ?? byDefault.BatchSize,
        LearningRate = result.GetValue(_learningRate) ?? byDefault.LearningRate,
        Warmup = result.GetValue(_warmup) ?? byDefault.Warmup,
        WeightDecay = result.GetValue(_weightDecay) ?? byDefault.WeightDecay,
        LabelSmoothing = result.GetValue(_labelSmoothing) ?? byDefault.LabelSmoothing,
        Ema = result.GetValue(_ema) ?? byDefault.Ema,
    };
}
