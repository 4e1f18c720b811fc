namespace ResNet.Train;

/// <summary>
/// The learning rate of each step: a linear warmup, then half a cosine down to zero. A small rate at the start lets the batch
/// norms settle, and one at the end lets the weights settle.
/// </summary>
internal static class Schedule
{
    /// <param name="step">The training step, from 0.</param>
    /// <param name="steps">The number of steps of the whole training.</param>
    /// <param name="peak">The highest rate.</param>
    /// <param name="warmup">The share of the steps in which the rate rises, from 0 to below 1.</param>
    public static double ComputeLearningRate(int step, int steps, double peak, double warmup)
    {
        // Taken mid-step, so that the first and the last rate are above zero
        var progress = (step + 0.5) / steps;
        return progress < warmup
            ? peak * progress / warmup
            : peak * (1 + Math.Cos(Math.PI * (progress - warmup) / (1 - warmup))) / 2;
    }
}
