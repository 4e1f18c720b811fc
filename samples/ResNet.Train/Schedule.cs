namespace ResNet.Train;

/// <summary>
/// The learning rate of each step: a quarter of the way up in a straight line, then down to zero along half a cosine. A
/// small rate at the start lets batch normalisation settle, a small one at the end lets the weights.
/// </summary>
internal static class Schedule
{
    private const double Warmup = 0.25;

    /// <param name="step">From 0.</param>
    /// <param name="steps">Of the whole training.</param>
    /// <param name="peak">The highest rate.</param>
    public static double LearningRate(int step, int steps, double peak)
    {
        // In the middle of the step, so that even the first and the last one move something
        var progress = (step + 0.5) / steps;
        return progress < Warmup
            ? peak * progress / Warmup
            : peak * (1 + Math.Cos(Math.PI * (progress - Warmup) / (1 - Warmup))) / 2;
    }
}
