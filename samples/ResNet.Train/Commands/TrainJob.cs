using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The whole of it: looks at the pictures, trains, tests, and leaves the results in a folder.</summary>
internal static class TrainJob
{
    private const string State = "checkpoint.safetensors", OfEpochs = "metrics.csv";

    /// <summary>A new training. What another one has left in the folder is replaced.</summary>
    public static int Train(DataSet data, Settings settings, string folder) => Run(data, settings, folder, beginning: null);

    /// <summary>Goes on after the last complete epoch. It ends with the weights of a training that was never interrupted.</summary>
    /// <param name="folder">Of the training.</param>
    /// <param name="moved">The folder with its images; null is where they were.</param>
    public static int Resume(string folder, string? moved)
    {
        var settings = Settings.Of(folder);
        using var running = TrainingLock.Take(folder); // before anything is read that another one would replace
        ExpectState(folder);
        if (moved is not null)
            settings = settings with { Data = Path.GetFullPath(moved) };
        else if (!Directory.Exists(settings.Data))
            throw new UserException($"resume: expected the images in '{settings.Data}', where they were when the training began, found no such folder; --data DIR says where they are now");
        var data = DataSet.Load(settings.Data);
        var beginning = Beginning.Of(folder, settings, data);
        return Run(beginning.Arrange(data), settings, folder, beginning);
    }

    /// <summary>Without its state a training would start from nothing, and its weights would be lost.</summary>
    private static void ExpectState(string folder)
    {
        var (state, weights) = (Path.Combine(folder, State), Path.Combine(folder, NetworkInfo.WeightsFileName));
        if (File.Exists(Path.Combine(folder, OfEpochs)) && !File.Exists(state))
            throw new UserException($"resume: expected a file {state}, as {OfEpochs} tells of complete epochs, found none; put it back" +
                (File.Exists(weights) ? $", or start a new training with --weights '{weights}'" : ""));
    }

    private static int Run(DataSet all, Settings settings, string folder, Beginning? beginning)
    {
        using var interruption = new Interruption();
        var (watch, screen, recipe) = (Stopwatch.StartNew(), new Screen(), settings.Recipe);
        var device = Devices.Find(settings.Device);

        manual_seed(settings.Seed);
        using var state = new TrainingState(Network(), recipe.Epochs, recipe.Ema > 0 ? Network() : null, settings.Precision == Precision.Fp16);
        var start = beginning is not null && File.Exists(Path.Combine(folder, State)) ? SavedState.Load(state, Path.Combine(folder, State))
            : settings.Weights is null ? null
            : StartingWeights.Load(state.Model, settings.Weights);
        var output = new OutputFolder(folder);
        using var running = beginning is null ? TrainingLock.Take(folder) : null;

        if (Preparation.Of(all, settings, screen, interruption.Token) is not var (data, network, images))
            return interruption.ExitCode;
        var doubt = beginning?.Compare(network, images);
        Preparation.Expect(data, settings, images);
        network = beginning?.Network ?? network;
        if (beginning is null)
            Clear();
        output.Write(ImageList.FileName, images.ToJson());
        output.Write(NetworkInfo.FileName, network.ToJson());
        output.Write(Settings.FileName, settings.ToJson()); // last: with it a training can be resumed

        screen.Line($"{recipe.Architecture.Title()} on {Libtorch.On(device)}: {data.Training.Count + data.Validation.Count} images to train and validate with, {data.Test.Count} to test with");
        if (settings.Precision.Remark(device) is { } remark)
            screen.Line(remark);
        if (start is not null)
            screen.Line(start);
        if (doubt is not null)
            screen.Line(doubt);

        try
        {
            var log = new TensorBoardLog(folder);
            new Trainer(state, data, network, settings, device, screen).Train(epoch =>
            {
                output.Write(State, state);
                SaveWeights();
                output.Write(OfEpochs, Metrics.Csv(state.Epochs));
                log.Add(epoch);
            }, interruption.Token);

            var weights = SaveWeights(); // once more where the last run was killed between the two
            screen.Line($"weights           {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            screen.Line($"learning curves   {SaveCurves()}");
            if (data.Test.Count == 0)
                return ExitCode.Done;

            var test = Evaluation.Of(state.Result, network, data.Test, device, interruption.Token);
            screen.Line($"confusion matrix  {output.Write("confusion-matrix.png", Charts.Confusion(test, network.Classes))}");
            screen.Line($"surely wrong      {output.Write("most-wrong.png", WrongSheet.Of(test, network))}");
            screen.Line($"test accuracy {test.Accuracy:0.000}: {test.Correct} of {test.Count} images, {watch.Elapsed.TotalSeconds:0} s after the start");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.Line($"interrupted after {state.Epochs.Count} of {recipe.Epochs} epochs");
            var weights = SaveWeights();
            screen.Line($"weights so far    {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            if (state.Epochs.Count > 0)
                screen.Line($"learning curves   {SaveCurves()}");
            screen.Line($"to go on          resume {folder}");
            return interruption.ExitCode;
        }

        ResidualNetwork Network() => settings.Network(all.Classes.Count, device);
        (string SafeTensors, string Torch) SaveWeights() => (output.Write(NetworkInfo.WeightsFileName, state.Result), output.Write("model.pth", state.Result));
        void Clear()
        {
            // Another training's, which would not go with this one's classes, but for what this one starts from
            foreach (var name in (string[])[Settings.FileName, State, OfEpochs, NetworkInfo.FileName, NetworkInfo.WeightsFileName, "model.pth", ExportJob.FileName, ExportJob.Int8FileName])
                if (!Path.GetFullPath(Path.Combine(folder, name)).Equals(settings.Weights, StringComparison.OrdinalIgnoreCase)) // as some systems compare names
                    output.Delete(name);
        }
        string SaveCurves() => output.Write("learning-curves.png", Charts.LearningCurves(state.Epochs));
    }
}
