using System.CommandLine;
using ResNet.Core;

namespace ResNet.Train;

/// <summary>The options that change a <see cref="Recipe"/>. What is not given is as the data set has it.</summary>
internal sealed class RecipeOptions
{
    private readonly Option<Architecture?> _architecture = Options.OneOf<Architecture>("--arch", "The network, by torchvision's names", byDefault: Architecture.resnet18);
    private readonly Option<Stem?> _stem = Options.OneOf<Stem>("--stem", "First layers of the network");

    private readonly Option<int?> _size = Options.Number("--size", Limits.Size, "Height and width of what the network sees; half of it takes a quarter of the time");
    private readonly Option<double?> _frame = Options.Number("--frame", Limits.Frame, "The square that is looked at, as a share of a picture's shorter side; above 1 it has a black margin");
    private readonly Option<int?> _shift = Options.Number("--shift", Limits.Shift, "How many of its pixels a picture is moved at most, to each side");
    private readonly Option<double?> _scale = Options.Number("--scale", Limits.Scale, "The least share of a picture's area that is looked at; 1 is all of it, always");
    private readonly Option<double?> _flip = Options.Number("--flip", Limits.Flip, "Probability that a picture is mirrored");
    private readonly Option<double?> _erase = Options.Number("--erase", Limits.Erase, "Probability that a rectangle of a picture is hidden");
    private readonly Option<int?> _epochs = Options.Number("--epochs", Limits.Epochs, "How often to go through the training images");
    private readonly Option<int?> _batchSize = Options.Number("--batch-size", Limits.BatchSize, "Images per step, of all ranks together");
    private readonly Option<double?> _learningRate = Options.Number("--lr", Limits.LearningRate, "Learning rate at its peak; it rises to it and falls to zero [default on several ranks with --batch-size: the data set's rate times --batch-size over the data set's batch size]");
    private readonly Option<double?> _warmup = Options.Number("--warmup", Limits.Warmup, "The share of the steps in which the learning rate rises");
    private readonly Option<double?> _weightDecay = Options.Number("--weight-decay", Limits.WeightDecay, "How strongly weights are drawn to zero; biases and normalisations are not");
    private readonly Option<double?> _labelSmoothing = Options.Number("--label-smoothing", Limits.LabelSmoothing, "How much of each label is spread over all classes");
    private readonly Option<double?> _ema = Options.Number("--ema", Limits.Ema, "Decay of an exponential moving average of the weights, such as 0.999, which is then the result; 0 is none");

    public Option[] OfNetworkAndPictures => [_architecture, _stem, _size, _frame, _shift, _scale, _flip, _erase];

    public Option[] OfSteps => [_batchSize, _weightDecay, _labelSmoothing];

    public Option[] OfSchedule => [_epochs, _learningRate, _warmup, _ema];

    /// <summary>Those that say how layers are trained step by step, and have no effect where the classifier alone is fitted.</summary>
    public Option[] OfEveryLayer => [_shift, _scale, _flip, _erase, .. OfSteps, .. OfSchedule];

    /// <summary>How many images a step, where the user says so.</summary>
    public int? BatchSize(ParseResult result) => result.GetValue(_batchSize);

    /// <summary>
    /// The rate for steps of as many images as the user says, where it is not given: twice the images, twice the rate (arXiv:1706.02677). Who adds ranks
    /// wants larger steps; on one the rate stays.
    /// </summary>
    public Recipe WithRateForBatch(ParseResult result, Recipe recipe, Recipe byDefault) =>
        result.GetValue(_batchSize) is null || result.GetValue(_learningRate) is not null ? recipe
        : recipe with { LearningRate = byDefault.LearningRate * recipe.BatchSize / byDefault.BatchSize };

    public Recipe Of(ParseResult result, Recipe byDefault) => byDefault with
    {
        Architecture = result.GetValue(_architecture)!.Value,
        Stem = result.GetValue(_stem) ?? byDefault.Stem,
        Size = result.GetValue(_size) ?? byDefault.Size,
        Frame = result.GetValue(_frame) ?? byDefault.Frame,
        Shift = result.GetValue(_shift) ?? byDefault.Shift,
        Scale = result.GetValue(_scale) ?? byDefault.Scale,
        Flip = result.GetValue(_flip) ?? byDefault.Flip,
        Erase = result.GetValue(_erase) ?? byDefault.Erase,
        Epochs = result.GetValue(_epochs) ?? byDefault.Epochs,
        BatchSize = result.GetValue(_batchSize) ?? byDefault.BatchSize,
        LearningRate = result.GetValue(_learningRate) ?? byDefault.LearningRate,
        Warmup = result.GetValue(_warmup) ?? byDefault.Warmup,
        WeightDecay = result.GetValue(_weightDecay) ?? byDefault.WeightDecay,
        LabelSmoothing = result.GetValue(_labelSmoothing) ?? byDefault.LabelSmoothing,
        Ema = result.GetValue(_ema) ?? byDefault.Ema,
    };
}
