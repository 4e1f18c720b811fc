namespace ResNet.Train;

/// <summary>One training step of the sweep.</summary>
/// <param name="LearningRate">The step's learning rate.</param>
/// <param name="Loss">The loss before the step, averaged over the last steps.</param>
internal sealed record SweepStep(double LearningRate, double Loss);

/// <summary>
/// Leslie Smith's range test (arXiv:1506.01186): the learning rate grows from step to step, and the loss shows from which rate
/// the network learns and from which rate it no longer does.
/// </summary>
internal static class LearningRateFinder
{
    private const double Lowest = 1e-5, Highest = 10, Smoothing = 0.9, Diverged = 4;

    /// <summary>Sweeps the learning rate. Stops early when the loss exceeds four times its lowest value or is not finite.</summary>
    /// <exception cref="OperationCanceledException">The user interrupted the sweep.</exception>
    public static IReadOnlyList<SweepStep> Sweep(Learner learner, TrainingBatches batches, int steps, Action step, CancellationToken cancellation)
    {
        var (sweep, average, best) = (new List<SweepStep>(), 0.0, double.PositiveInfinity);
        foreach (var next in Enumerable.Range(1, int.MaxValue).SelectMany(batches.LoadEpoch).Take(steps))
        {
            using var batch = next;
            cancellation.ThrowIfCancellationRequested();
            var rate = Lowest * Math.Pow(Highest / Lowest, sweep.Count / (steps - 1.0));
            var loss = learner.Step(batch, rate).Loss;
            step();

            // Bias correction: the first averages cover few steps
            average = Smoothing * average + (1 - Smoothing) * loss;
            var smooth = average / (1 - Math.Pow(Smoothing, sweep.Count + 1));
            if (!double.IsFinite(smooth) || smooth > Diverged * best)
                break;
            sweep.Add(new SweepStep(rate, smooth));
            best = Math.Min(best, smooth);
        }
        return sweep;
    }

    /// <returns>A tenth of the rate with the lowest loss: a high peak with a safety margin.</returns>
    public static double Suggest(IReadOnlyList<SweepStep> sweep) => sweep.MinBy(step => step.Loss)!.LearningRate / 10;
}
