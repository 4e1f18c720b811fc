using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Trains and tests a network, and writes the results into a folder.</summary>
internal static class TrainJob
{
    public const string MetricsFile = "metrics.csv", ConfusionFile = "confusion-matrix.png";

    private const string StateFile = "checkpoint.safetensors";

    /// <summary>With fewer images a held-out test would be too small to be meaningful, so they are cross-validated.</summary>
    private const int FewToHoldOut = 300;

    /// <summary>The least number of images per training step for each rank: the least <c>--batch-size</c>.</summary>
    private const int LeastOfRank = 2;

    /// <summary>Starts a new training. It replaces the files of another training in the folder.</summary>
    /// <param name="data">The images to train, validate and test with.</param>
    /// <param name="settings">The training's settings.</param>
    /// <param name="folder">The folder for the results.</param>
    /// <param name="ranks">The ranks that train.</param>
    /// <param name="remark">A remark about the settings for the user, or null.</param>
    public static int Train(DataSet data, Settings settings, string folder, Ranks ranks, string? remark) => Run(data, settings, folder, beginning: null, ranks, remark);

    /// <summary>Continues a training after its last complete epoch. The final weights equal those of an uninterrupted training.</summary>
    /// <param name="folder">The training run's folder.</param>
    /// <param name="moved">The new folder of its images; null if they have not moved.</param>
    /// <param name="ranks">The ranks that continue. Their number may change.</param>
    public static int Resume(string folder, string? moved, Ranks ranks)
    {
        var settings = Settings.Read(folder);
        using var running = ranks.IsFirst ? TrainingLock.Take(folder) : null; // before reading anything that another training would replace
        if (settings.Train == TrainedLayers.All) // a head is fitted again, to the kept features
            ExpectState(folder);
        if (moved is not null)
            settings = settings with { Data = Path.GetFullPath(moved) };
        else if (!Directory.Exists(settings.Data))
            throw new UserException($"resume: expected the training's images in '{settings.Data}', found no such folder; if they have moved, name their new folder with --data DIR");
        var data = DataSet.Load(settings.Data);
        var beginning = ResumedTraining.Read(folder, settings, data);
        return Run(beginning.Arrange(data), settings, folder, beginning, ranks, remark: null);
    }

    /// <summary>Throws unless a batch has enough images for all ranks: batch norm needs two on each.</summary>
    /// <param name="batchSize">The number of images per training step.</param>
    /// <param name="ranks">The ranks that share them.</param>
    /// <exception cref="UserException">There are too many ranks.</exception>
    public static void ExpectImagesForAll(int batchSize, Ranks ranks)
    {
        if (ranks.AreSeveral && batchSize < LeastOfRank * ranks.Count)
            throw new UserException($"--batch-size: expected at least {LeastOfRank} images per training step for each of the {ranks.Count} ranks, {LeastOfRank * ranks.Count} in all, got {batchSize}");
    }

    /// <summary>Throws if the training's state is lost: resuming would start from scratch and replace the trained weights.</summary>
    private static void ExpectState(string folder)
    {
        var (state, weights) = (Path.Combine(folder, StateFile), Path.Combine(folder, ModelConfig.WeightsFileName));
        if (File.Exists(Path.Combine(folder, MetricsFile)) && !File.Exists(state))
            throw new UserException($"resume: expected a file {state}, because {MetricsFile} has complete epochs, found none; restore it" +
                (File.Exists(weights) ? $", or start a new training with --weights '{weights}'" : ""));
    }

    private static int Run(DataSet all, Settings settings, string folder, ResumedTraining? beginning, Ranks ranks, string? remark)
    {
        if (settings.Train == TrainedLayers.All)
            ExpectImagesForAll(settings.Recipe.BatchSize, ranks);
        using var interruption = new Interruption(secondEnds: !ranks.AreSeveral);
        var together = new Together(ranks, interruption);
        var (watch, screen, recipe) = (Stopwatch.StartNew(), new Screen(), settings.Recipe);
        var device = Devices.Find(ranks.ChooseDevice(settings.Device));
        if (settings.Precision == Precision.Auto)
            settings = settings.Decide(isNative: ranks.Exchange(AutoPrecision.IsNative(settings, device) ? 0 : 1) == 0, ranks.Count); // only if all ranks have it, since they wait for the slowest
        if (beginning is null && settings.Train == TrainedLayers.Head)
            all = all.Pool(test: all.Training.Count + all.Validation.Count + all.Test.Count < FewToHoldOut);

        manual_seed(settings.Seed);
        using var state = new TrainingState(CreateNetwork(), recipe.Epochs, recipe.Ema > 0 ? CreateNetwork() : null, settings.Precision == Precision.Fp16);
        bool isResumed;
        var (resumed, start) = (default(string), default(StartingWeights));
        try
        {
            isResumed = together.TakeFromFirst(beginning is not null && File.Exists(Path.Combine(folder, StateFile)));
            together.Run(() =>
            {
                if (!ranks.IsFirst) return;
                if (isResumed)
                    resumed = SavedState.Load(state, Path.Combine(folder, StateFile));
                else if (settings.Weights is not null)
                    start = StartingWeights.Load(state.Model, recipe.Architecture, settings.Weights, screen, interruption.Token);
            });
            ranks.TakeFromFirst(state.state_dict().Values);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.WriteLine("interrupted while downloading the weights; the part so far stays");
            return interruption.ExitCode;
        }
        var output = ranks.IsFirst ? new OutputFolder(folder) : null;
        using var running = beginning is null && ranks.IsFirst ? TrainingLock.Take(folder) : null;

        var normalization = beginning?.Network.Normalization ?? start?.ChooseNormalization(all);
        using var features = settings.BeginsWithHead() && !isResumed ? new FolderFeatures(state.Model, device, settings.Precision.ChooseFeatureType(device), output, screen) : null;
        var known = normalization is null || ranks.AreSeveral ? null : features?.Read(all.CreateConfig(recipe, normalization));
        if (Preparation.Run(all, settings, normalization, known, screen, together) is not var (data, network, images))
            return interruption.ExitCode;
        var doubt = beginning?.Compare(network, images);
        Preparation.Expect(data, settings, images);
        if (settings.Train == TrainedLayers.All && new TrainingBatches(data.Training, network, recipe, settings.Seed).LeastSize is var least && ranks.AreSeveral && least < LeastOfRank * ranks.Count)
            throw new UserException($"{settings.Data}: expected at least {LeastOfRank} images per training step for each of the {ranks.Count} ranks, got {data.Training.Count} training images, which give steps of {least}; start fewer ranks");
        network = beginning?.Network ?? network;
        var classWeights = settings.Balanced ? data.ComputeClassWeights() : null;
        if (beginning is null)
            Clear();
        output?.Write(ImageList.FileName, images.ToJson());
        output?.Write(ModelConfig.FileName, network.ToJson());
        output?.Write(Settings.FileName, settings.ToJson()); // last, because it makes the training resumable

        screen.WriteLine($"{recipe.Architecture.GetTitle()} on {Libtorch.Describe(device)}{(ranks.AreSeveral ? $", {ranks.Count} ranks" : "")}{settings.DescribeComputation(device)}: {DescribeImages()}");
        foreach (var line in (string?[])[settings.Precision.FindRemark(device), resumed ?? start?.Line, remark, doubt, DescribeLayers(), Advise()])
            if (line is not null)
                screen.WriteLine(line);

        var log = ranks.IsFirst ? new TensorBoardLog(folder) : null;
        try
        {
            HeadResult? head = null;
            if (features is not null)
                together.Run(() => head = FitHead(features));
            if (head is not null)
                ShowHead(head);
            return settings.Train == TrainedLayers.All ? TrainLayers()
                : head is null ? ExitCode.Done
                : FinishHead(head);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.WriteLine(settings.Train == TrainedLayers.Head ? "interrupted before the classifier was fitted" : $"interrupted after {state.Epochs.Count} of {recipe.Epochs} epochs");
            if (settings.Train == TrainedLayers.All)
            {
                var weights = SaveWeights();
                screen.WriteLine($"weights so far    {weights.SafeTensors}");
                screen.WriteLine($"for torch.load    {weights.Torch}");
            }
            if (state.Epochs.Count > 0)
                SaveCurves(state.Epochs);
            screen.WriteLine($"to continue       resume {folder}");
            return interruption.ExitCode;
        }

        // All ranks compute the features; the fit takes milliseconds on the first one.
        HeadResult? FitHead(FolderFeatures features)
        {
            Tensor? Extract(IReadOnlyList<Image> some) => features.Load(some, network, images, settings.Data, together);
            if (ranks.IsFirst)
                return new HeadTraining(state.Model, data, network, classWeights).Run(some => Extract(some)!, interruption.Token);
            Extract(data.All);
            return null;
        }

        void ShowHead(HeadResult head)
        {
            Preparation.Remark(head.Remarks);
            var last = head.Epochs[^1];
            screen.WriteLine($"classifier  loss {Digits.FormatLoss(last.TrainingLoss)}  accuracy {last.TrainingAccuracy:0.000}  " +
                $"{(head.CrossValidation is null ? "validation" : "cross-validation")} loss {Digits.FormatLoss(last.ValidationLoss)}  accuracy {last.ValidationAccuracy:0.000}");
        }

        int FinishHead(HeadResult head)
        {
            foreach (var epoch in head.Epochs)
                log?.Add(epoch);
            output?.Write(MetricsFile, Metrics.Format(head.Epochs));
            SaveResults(head.Epochs);
            if (head.CrossValidation is { } crossed)
                Show(crossed, "cross-validated", isLast: head.Test is null);
            if (head.Test is { } test)
                Show(test, "test", isLast: true);
            return ExitCode.Done;
        }

        int TrainLayers()
        {
            var trainer = new Trainer(state, data, network, settings, device, together, classWeights);
            screen.RunWithBar(trainer.StepsLeft, () => trainer.Train(new TrainingReport(ShowStep, KeepEpoch)));
            SaveResults(state.Epochs); // writes the weights again, in case the last run was killed after writing its state
            if (data.Test.Count > 0)
                Show(Evaluation.Evaluate(state.Result, network, data.Test, device, together), "test", isLast: true);
            return ExitCode.Done;
        }

        void ShowStep(TrainingStep step) => screen.Advance(
            $"epoch {step.Epoch}/{recipe.Epochs}  loss {Digits.FormatLoss(step.Loss)}  accuracy {step.Accuracy:0.000}  {step.ImagesPerSecond:0} images/s");

        void KeepEpoch(Epoch epoch)
        {
            screen.WriteLine($"epoch {epoch.Number}/{recipe.Epochs}  loss {Digits.FormatLoss(epoch.TrainingLoss)}  accuracy {epoch.TrainingAccuracy:0.000}  " +
                $"validation loss {Digits.FormatLoss(epoch.ValidationLoss)}  accuracy {epoch.ValidationAccuracy:0.000}  {epoch.ImagesPerSecond:0} images/s");
            output?.Write(StateFile, state);
            SaveWeights();
            output?.Write(MetricsFile, Metrics.Format(state.Epochs));
            log?.Add(epoch);
        }

        void Show(Evaluation evaluation, string figure, bool isLast)
        {
            if (isLast && output is not null)
            {
                screen.WriteLine($"confusion matrix  {output.Write(ConfusionFile, Charts.DrawConfusion(evaluation, network.Classes, figure))}");
                screen.WriteLine($"misclassified     {output.Write("misclassified.png", MisclassifiedSheet.Draw(evaluation, network))}");
            }
            screen.WriteLine($"{figure} accuracy {evaluation.AccuracyInWords}{(isLast ? $", {watch.Elapsed.TotalSeconds:0} s after the start" : ", each image by a classifier that had not seen it")}");
        }

        string DescribeImages() => (data.Training.Count, data.Validation.Count, data.Test.Count) switch
        {
            (var count, 0, 0) => $"{Plural.Format(count, "image")} to train, all of them cross-validated",
            var (training, validation, test) => $"{Plural.Format(training + validation, "image")} to train and validate, {test} to test",
        };
        string? DescribeLayers() => !settings.BeginsWithHead() || isResumed ? null
            : settings.Train == TrainedLayers.Head && beginning is not null && File.Exists(Path.Combine(folder, MetricsFile)) ? "the training was complete; its classifier is fitted again, to the same features"
            : settings.Train == TrainedLayers.Head ? "training the classifier alone, on the features of the other layers; --train All trains every layer"
            : "training the classifier, then every layer";
        string? Advise() => beginning is null && settings.Weights is null && data.Training[0] is FileImage && data.Training.Count + data.Validation.Count < StartingWeights.FewImages
            ? $"fewer than {StartingWeights.FewImages} photographs are too few to train from scratch: --weights imagenet starts from a network trained on photographs, and takes seconds"
            : null;
        ResidualNetwork CreateNetwork() => settings.CreateNetwork(all.Classes.Count, device);
        (string? SafeTensors, string? Torch) SaveWeights() => (output?.Write(ModelConfig.WeightsFileName, state.Result), output?.Write(ModelConfig.TorchFileName, state.Result));
        void SaveResults(IReadOnlyList<Epoch> epochs)
        {
            var weights = SaveWeights();
            screen.WriteLine($"weights           {weights.SafeTensors}");
            screen.WriteLine($"for torch.load    {weights.Torch}");
            SaveCurves(epochs);
        }
        void SaveCurves(IReadOnlyList<Epoch> epochs) => screen.WriteLine($"learning curves   {output?.Write("learning-curves.png", Charts.DrawLearningCurves(epochs))}");
        void Clear()
        {
            // Deletes another training's files, which would not fit this one's classes, except the weights to start from.
            string[] files = [Settings.FileName, StateFile, MetricsFile, ModelConfig.FileName, ModelConfig.WeightsFileName, ModelConfig.TorchFileName, OnnxFile.FileName, OnnxFile.Int8FileName];
            string[] removed = [.. files.Where(name =>
                !Path.GetFullPath(Path.Combine(folder, name)).Equals(settings.Weights, StringComparison.OrdinalIgnoreCase) // as some file systems compare names
                && output?.Delete(name) == true)];
            if (removed.Length > 0)
                screen.WriteLine($"removed an earlier training's {string.Join(", ", removed)}");
        }
    }
}
