using System.Text;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Finds out which learning rates suit a data set and recipe.</summary>
internal static class LearningRateJob
{
    public static int Run(DataSet all, Settings settings, int steps, string folder)
    {
        using var interruption = new Interruption();
        var screen = new Screen();
        var device = Devices.Find(settings.Device);
        settings = settings.Decide(AutoPrecision.IsNative(settings, device));
        manual_seed(settings.Seed);
        using var model = settings.Network(all.Classes.Count, device);
        try
        {
            Normalisation? normalisation = null;
            if (settings.Weights is not null)
            {
                var start = StartingWeights.Load(model, settings.Recipe.Architecture, settings.Weights, screen, interruption.Token);
                screen.Line(start.Line);
                normalisation = start.NormalisationFor(all);
            }
            screen.Line($"{settings.Recipe.Architecture.Title()} on {Libtorch.Describe(device)}{settings.ComputesIn(device)}");
            if (settings.Precision.Remark(device) is { } remark)
                screen.Line(remark);
            var output = new OutputFolder(folder);
            if (Preparation.Of(all, settings, normalisation, known: null, screen, new Together(new Ranks(), interruption)) is not var (data, network, images))
                return interruption.ExitCode;
            Preparation.Expect(data, settings, images);

            using var learner = new Learner(model, settings.Recipe, settings.Precision, device);
            IReadOnlyList<SweepStep> sweep = [];
            screen.WithBar(steps, () => sweep = LearningRateFinder.Sweep(
                learner, new TrainingBatches(data.Training, network, settings.Recipe, settings.Seed), steps, () => screen.Step("learning rate"), interruption.Token));
            if (sweep.Count == 0)
                throw new UserException("lr-find: expected a loss that is a number, got none in the first step; the weights may be damaged");

            var suggestion = LearningRateFinder.Suggestion(sweep);
            screen.Line($"loss against rate {output.Write("lr-find.png", Charts.Sweep(sweep, suggestion))}");
            screen.Line($"as numbers        {output.Write("lr-find.csv", Csv(sweep))}");
            screen.Line($"lowest loss at {Digits.FormatRate(sweep.MinBy(step => step.Loss)!.LearningRate)}; a tenth of that is a good peak: --lr {Digits.FormatRate(suggestion)}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private static byte[] Csv(IEnumerable<SweepStep> sweep) =>
        Encoding.UTF8.GetBytes(string.Concat(sweep.Select(step => $"{step.LearningRate:g6},{Digits.FormatLoss(step.Loss, 5)}\n").Prepend("learning_rate,loss\n")));
}
