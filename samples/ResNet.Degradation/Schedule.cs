namespace ResNet.Degradation;

/// <summary>
/// The paper's learning rate for a short run: constant, divided by 10 after half of the steps and again after three
/// quarters. It starts with a warmup over a twentieth of the steps, as for the paper's deepest network.
/// </summary>
internal static class Schedule
{
    private const double Warmup = 0.05, FirstDrop = 0.5, SecondDrop = 0.75;

    /// <param name="step">The training step, from 0.</param>
    /// <param name="steps">The number of steps of the whole training.</param>
    /// <param name="peak">The highest rate.</param>
    public static double ComputeLearningRate(int step, int steps, double peak)
    {
        // Taken mid-step, so that the first rate is above zero
        var progress = (step + 0.5) / steps;
        return progress < Warmup ? peak * progress / Warmup
            : progress < FirstDrop ? peak
            : progress < SecondDrop ? peak / 10
            : peak / 100;
    }
}
