using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The whole of it: reads the pictures, trains, tests, and leaves the results in a folder.</summary>
internal static class Job
{
    private const string State = "checkpoint.safetensors";

    /// <summary>A new training. What another one has left in the folder is replaced.</summary>
    public static int Train(Settings settings, string folder) => Run(settings, folder, resume: false);

    /// <summary>Goes on after the last complete epoch. It ends with the weights of a training that was never interrupted.</summary>
    public static int Resume(string folder) => Run(Settings.Of(folder), folder, resume: true);

    private static int Run(Settings settings, string folder, bool resume)
    {
        using var interruption = new Interruption();
        var watch = Stopwatch.StartNew();
        var screen = new Screen();

        var data = FashionMnist.Load(settings.Data);
        var device = Devices.Find(settings.Device);

        manual_seed(settings.Seed);
        using var state = new TrainingState(Network(), settings.Epochs, settings.Ema > 0 ? Network() : null);
        var start = resume && File.Exists(Path.Combine(folder, State)) ? SavedState.Load(state, Path.Combine(folder, State))
            : settings.Weights is null ? null
            : StartingWeights.Load(state.Model, settings.Weights);
        var output = new OutputFolder(folder);
        if (!resume)
        {
            output.Delete(State); // another training's
            output.Write(Settings.FileName, settings.ToJson());
        }

        screen.Line($"ResNet-18 on {device}: {data.Training.Count} images to train and validate with, {data.Test.Count} to test with");
        if (start is not null)
            screen.Line(start);

        try
        {
            var trainer = new Trainer(state, data.Training, settings, device, screen);
            trainer.Train(epochDone: () =>
            {
                output.Write(State, state);
                SaveWeights();
                output.Write("metrics.csv", Metrics.Csv(state.Epochs));
            }, interruption.Token);

            var weights = SaveWeights(); // once more where the last run was killed between the two
            var curves = SaveCurves();
            var test = Evaluation.Of(state.Result, data.Test, [.. Enumerable.Range(0, data.Test.Count)], device, interruption.Token);
            var confusion = output.Write("confusion-matrix.png", Charts.Confusion(test, FashionMnist.Classes));

            screen.Line($"test accuracy {test.Accuracy:0.000}: {test.Correct} of {test.Count} images, {watch.Elapsed.TotalSeconds:0} s after the start");
            screen.Line($"weights           {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            screen.Line($"learning curves   {curves}");
            screen.Line($"confusion matrix  {confusion}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.Line($"interrupted after {state.Epochs.Count} of {settings.Epochs} epochs");
            var weights = SaveWeights();
            screen.Line($"weights so far    {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            if (state.Epochs.Count > 0)
                screen.Line($"learning curves   {SaveCurves()}");
            screen.Line($"to go on          resume {folder}");
            return interruption.ExitCode;
        }

        ResNet18 Network() => new(FashionMnist.Classes.Count, device: device);
        (string SafeTensors, string Torch) SaveWeights() => (output.Write("model.safetensors", state.Result), output.Write("model.pth", state.Result));
        string SaveCurves() => output.Write("learning-curves.png", Charts.LearningCurves(state.Epochs));
    }
}
