namespace ResNet.Degradation;

/// <summary>
/// The paper's learning rate in a short run: constant, divided by 10 after a half and again after three quarters of the
/// steps. Before that it rises for a twentieth of them: the paper warms up its deepest network so.
/// </summary>
internal static class Schedule
{
    private const double Warmup = 0.05, FirstDrop = 0.5, SecondDrop = 0.75;

    /// <param name="step">From 0.</param>
    /// <param name="steps">Of the whole training.</param>
    /// <param name="peak">The highest rate.</param>
    public static double LearningRate(int step, int steps, double peak)
    {
        // In the middle of the step, so that even the first one moves something
        var progress = (step + 0.5) / steps;
        return progress < Warmup ? peak * progress / Warmup
            : progress < FirstDrop ? peak
            : progress < SecondDrop ? peak / 10
            : peak / 100;
    }
}
