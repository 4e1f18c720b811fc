namespace ResNet.Train;

/// <summary>One step of the sweep.</summary>
/// <param name="LearningRate">Of the step.</param>
/// <param name="Loss">Before it, a mean over the last steps.</param>
internal sealed record SweepStep(double LearningRate, double Loss);

/// <summary>
/// Leslie Smith's range test (arXiv:1506.01186): the learning rate grows from step to step, and the loss says from which rate
/// on the network learns and from which on it learns nothing any more.
/// </summary>
internal static class LearningRateFinder
{
    private const double Lowest = 1e-5, Highest = 10, Smoothing = 0.9, Diverged = 4;

    /// <summary>Ends early where the loss has grown to four times its lowest value, or is no number any more.</summary>
    /// <exception cref="OperationCanceledException">The user wants to stop.</exception>
    public static IReadOnlyList<SweepStep> Sweep(Learner learner, TrainingBatches batches, int steps, Action step, CancellationToken cancellation)
    {
        var (sweep, average, best) = (new List<SweepStep>(), 0.0, double.PositiveInfinity);
        foreach (var next in Enumerable.Range(1, int.MaxValue).SelectMany(batches.Epoch).Take(steps))
        {
            using var batch = next;
            cancellation.ThrowIfCancellationRequested();
            var rate = Lowest * Math.Pow(Highest / Lowest, sweep.Count / (steps - 1.0));
            var loss = learner.Step(batch, rate).Loss;
            step();

            // The first means are of few steps: divided by how much weight there is so far
            average = Smoothing * average + (1 - Smoothing) * loss;
            var smooth = average / (1 - Math.Pow(Smoothing, sweep.Count + 1));
            if (!double.IsFinite(smooth) || smooth > Diverged * best)
                break;
            sweep.Add(new SweepStep(rate, smooth));
            best = Math.Min(best, smooth);
        }
        return sweep;
    }

    /// <summary>A tenth of the rate with the lowest loss: as high as it goes with a margin, for a rate that falls later.</summary>
    public static double Suggestion(IReadOnlyList<SweepStep> sweep) => sweep.MinBy(step => step.Loss)!.LearningRate / 10;
}
