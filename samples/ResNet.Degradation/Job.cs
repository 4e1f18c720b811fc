using System.Diagnostics;

namespace ResNet.Degradation;

/// <summary>The whole experiment: reads the images, trains each network, and writes the errors into a folder.</summary>
internal static class Job
{
    public static int Run(Settings settings)
    {
        using var interruption = new Interruption();
        var watch = Stopwatch.StartNew();
        var screen = new Screen();

        var data = IdxSet.Read(settings.Data);
        var device = Devices.Find(settings.Device);
        var output = new OutputFolder(settings.Out);
        using var training = new ImageSet(data.Training, settings.Size, device);
        using var test = new ImageSet(data.Test, settings.Size, device);
        screen.WriteLine($"{Variant.FormatNames(settings.Networks)} on {Libtorch.Describe(device)}: " +
            $"{training.Count} images of {settings.Size}x{settings.Size} to train with, {test.Count} to test with");

        var trainer = new Trainer(training, test, settings, device);
        var epochs = new List<Epoch>();
        try
        {
            screen.RunWithBar(trainer.AllSteps, () =>
            {
                for (var seed = 1; seed <= settings.Seeds; seed++)
                    foreach (var variant in settings.Networks)
                    {
                        foreach (var epoch in trainer.Train(variant, seed, ShowStep, interruption.Token))
                        {
                            epochs.Add(epoch);
                            screen.WriteLine($"{(settings.Seeds > 1 ? $"seed {seed}  " : "")}{variant.Name}  epoch {epoch.Number}/{settings.Epochs}  loss {Digits.FormatLoss(epoch.TrainingLoss)}  " +
                                $"training error {epoch.TrainingError:0.0} %  test error {epoch.TestError:0.0} %  {epoch.ImagesPerSecond:0} images/s");
                        }
                        Save();
                    }
            });
            Report();
            screen.WriteLine($"{watch.Elapsed.TotalSeconds:0} s after the start");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.WriteLine($"interrupted after {epochs.Count} of {settings.Networks.Count * settings.Seeds * settings.Epochs} epochs");
            if (epochs.Count > 0)
                Report();
            return interruption.ExitCode;
        }

        void ShowStep(TrainingStep step) => screen.Advance(
            $"{step.Variant.Name}  epoch {step.Epoch}/{settings.Epochs}  training error {step.TrainingError:0.0} %  {step.ImagesPerSecond:0} images/s");

        void Report()
        {
            var (figure, table) = Save();
            foreach (var line in Table.Format(epochs, settings.Epochs))
                screen.WriteLine(line);
            if (Table.FormatGaps(epochs, settings.Epochs) is { } gaps)
                screen.WriteLine(gaps);
            screen.WriteLine($"curves        {figure}");
            screen.WriteLine($"every epoch   {table}");
        }

        (string Figure, string Table) Save() => (output.Write("degradation.png", Figure.Draw(epochs)), output.Write("errors.csv", ErrorsCsv.Format(epochs)));
    }
}
