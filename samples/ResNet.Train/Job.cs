using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The whole of it: reads the pictures, trains, tests, and leaves the results in a folder.</summary>
internal static class Job
{
    public static int Run(Settings settings)
    {
        using var interruption = new Interruption();
        var watch = Stopwatch.StartNew();
        var screen = new Screen();

        var data = FashionMnist.Load(settings.Data);
        var device = Devices.Find(settings.Device);

        manual_seed(settings.Seed);
        using var model = new ResNet18(FashionMnist.Classes.Count, device: device);
        var start = settings.Weights is null ? null : StartingWeights.Load(model, settings.Weights);
        var output = new OutputFolder(settings.Out);

        screen.Line($"ResNet-18 on {device}: {data.Training.Count} images to train and validate with, {data.Test.Count} to test with");
        if (start is not null)
            screen.Line(start);

        var trainer = new Trainer(model, data.Training, settings, device, screen);
        try
        {
            (string SafeTensors, string Torch) weights = default;
            trainer.Train(epochDone: () => weights = SaveWeights(), interruption.Token);
            var curves = SaveCurves();
            var test = Evaluation.Of(model, data.Test, [.. Enumerable.Range(0, data.Test.Count)], device, interruption.Token);
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
            screen.Line($"interrupted after {trainer.Epochs.Count} of {settings.Epochs} epochs");
            var weights = SaveWeights();
            screen.Line($"weights so far    {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            if (trainer.Epochs.Count > 0)
                screen.Line($"learning curves   {SaveCurves()}");
            return interruption.ExitCode;
        }

        (string SafeTensors, string Torch) SaveWeights() => (output.Write("model.safetensors", model), output.Write("model.pth", model));
        string SaveCurves() => output.Write("learning-curves.png", Charts.LearningCurves(trainer.Epochs));
    }
}
