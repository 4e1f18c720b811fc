using System.Text;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Finds a learning rate for a dataset and a recipe.</summary>
internal static class LearningRateJob
{
    public static int Run(DataSet all, Settings settings, int steps, string folder)
    {
        using var interruption = new Interruption();
        var screen = new Screen();
        var device = Devices.Find(settings.Device);
        settings = settings.Decide(AutoPrecision.IsNative(settings, device));
        manual_seed(settings.Seed);
        using var model = settings.CreateNetwork(all.Classes.Count, device);
        try
        {
            Normalization? normalization = null;
            if (settings.Weights is not null)
            {
                var start = StartingWeights.Load(model, settings.Recipe.Architecture, settings.Weights, screen, interruption.Token);
                screen.WriteLine(start.Line);
                normalization = start.ChooseNormalization(all);
            }
            screen.WriteLine($"{settings.Recipe.Architecture.GetTitle()} on {Libtorch.Describe(device)}{settings.DescribeComputation(device)}");
            if (settings.Precision.FindRemark(device) is { } remark)
                screen.WriteLine(remark);
            var output = new OutputFolder(folder);
            if (Preparation.Run(all, settings, normalization, isKnown: null, screen, new Together(new Ranks(), interruption)) is not var (data, network, images))
                return interruption.ExitCode;
            Preparation.Expect(data, settings, images);

            using var learner = new Learner(model, settings.Recipe, settings.Precision, device);
            IReadOnlyList<SweepStep> sweep = [];
            screen.RunWithBar(steps, () => sweep = LearningRateFinder.Sweep(
                learner, new TrainingBatches(data.Training, network, settings.Recipe, settings.Seed), steps, () => screen.Advance("learning rate"), interruption.Token));
            if (sweep.Count == 0)
                throw new UserException("lr-find: expected a finite loss, got none in the first step; the weights may be damaged");

            var suggestion = LearningRateFinder.Suggest(sweep);
            screen.WriteLine($"loss over rate    {output.Write("lr-find.png", Charts.DrawSweep(sweep, suggestion))}");
            screen.WriteLine($"as numbers        {output.Write("lr-find.csv", Format(sweep))}");
            screen.WriteLine($"lowest loss at {Digits.FormatRate(sweep.MinBy(step => step.Loss)!.LearningRate)}; a tenth of it is a good peak: --lr {Digits.FormatRate(suggestion)}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private static byte[] Format(IEnumerable<SweepStep> sweep) =>
        Encoding.UTF8.GetBytes(string.Concat(sweep.Select(step => $"{step.LearningRate:g6},{Digits.FormatLoss(step.Loss, 5)}\n").Prepend("learning_rate,loss\n")));
}
