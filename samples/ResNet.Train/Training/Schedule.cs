namespace ResNet.Train;

/// <summary>
/// The learning rate of each step: first up in a straight line, then down to zero along half a cosine. A
/// small rate at the start lets batch normalisation settle, a small one at the end lets the weights.
/// </summary>
internal static class Schedule
{
    /// <param name="step">From 0.</param>
    /// <param name="steps">Of the whole training.</param>
    /// <param name="peak">The highest rate.</param>
    /// <param name="warmup">The share of the steps in which it rises, from 0 to below 1.</param>
    public static double LearningRate(int step, int steps, double peak, double warmup)
    {
        // In the middle of the step, so that even the first and the last one move something
        var progress = (step + 0.5) / steps;
        return progress < warmup
            ? peak * progress / warmup
            : peak * (1 + Math.Cos(Math.PI * (progress - warmup) / (1 - warmup))) / 2;
    }
}
