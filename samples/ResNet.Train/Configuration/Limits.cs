namespace ResNet.Train;

/// <summary>The valid ranges of a training's numbers.</summary>
internal static class Limits
{
    public static Limit<int> Size { get; } = Limit.CreateWhole(16, 1024);

    public static Limit<double> CropRatio { get; } = new("a number from 0.1 to 2", value => value is >= 0.1 and <= 2);

    public static Limit<int> Translation { get; } = Limit.CreateWhole(0, 1000);

    public static Limit<double> MinCropArea { get; } = new("a number above 0, to 1", value => value is > 0 and <= 1);

    public static Limit<double> Flip => Limit.FromZeroToOne;

    public static Limit<double> RandomErase => Limit.FromZeroToOne;

    public static Limit<int> Epochs { get; } = Limit.CreateWhole(1, 10_000);

    public static Limit<int> BatchSize { get; } = Limit.CreateWhole(2, 4096);

    public static Limit<double> LearningRate => Limit.AboveZero;

    public static Limit<double> Warmup => Limit.FromZeroToBelowOne;

    public static Limit<double> WeightDecay => Limit.FromZeroToOne;

    public static Limit<double> LabelSmoothing => Limit.FromZeroToBelowOne;

    public static Limit<double> Ema => Limit.FromZeroToBelowOne;

    public static Limit<int> Seed { get; } = Limit.CreateWhole(0, int.MaxValue);

    /// <param name="recipe">A recipe from a file.</param>
    /// <param name="where">The text before a number's name in a message.</param>
    /// <exception cref="UserException">A number is out of the range of its option. The message has its name in JSON.</exception>
    public static void Check(Recipe recipe, string where)
    {
        Size.Check($"{where}{nameof(Size)}", recipe.Size);
        CropRatio.Check($"{where}Frame", recipe.CropRatio);
        Translation.Check($"{where}Shift", recipe.Translation);
        MinCropArea.Check($"{where}Scale", recipe.MinCropArea);
        Flip.Check($"{where}{nameof(Flip)}", recipe.Flip);
        RandomErase.Check($"{where}Erase", recipe.RandomErase);
        Epochs.Check($"{where}{nameof(Epochs)}", recipe.Epochs);
        BatchSize.Check($"{where}{nameof(BatchSize)}", recipe.BatchSize);
        LearningRate.Check($"{where}{nameof(LearningRate)}", recipe.LearningRate);
        Warmup.Check($"{where}{nameof(Warmup)}", recipe.Warmup);
        WeightDecay.Check($"{where}{nameof(WeightDecay)}", recipe.WeightDecay);
        LabelSmoothing.Check($"{where}{nameof(LabelSmoothing)}", recipe.LabelSmoothing);
        Ema.Check($"{where}{nameof(Ema)}", recipe.Ema);
    }
}
