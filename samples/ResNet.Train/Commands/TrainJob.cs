using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The whole of it: looks at the pictures, trains, tests, and leaves the results in a folder.</summary>
internal static class TrainJob
{
    private const string State = "checkpoint.safetensors", OfEpochs = "metrics.csv";

    /// <summary>Of fewer images none are held out for a test, which would be too small to tell anything: they are cross-validated.</summary>
    private const int FewToHoldOut = 300;

    /// <summary>Images a step, which is what <c>--batch-size</c> takes on one.</summary>
    private const int LeastOfRank = 2;

    /// <summary>A new training. What another one has left in the folder is replaced.</summary>
    /// <param name="data">To train, validate and test with.</param>
    /// <param name="settings">Of the training.</param>
    /// <param name="folder">For the results.</param>
    /// <param name="ranks">Who trains.</param>
    /// <param name="remark">What the user is to know of the settings, if anything.</param>
    public static int Train(DataSet data, Settings settings, string folder, Ranks ranks, string? remark) => Run(data, settings, folder, beginning: null, ranks, remark);

    /// <summary>Goes on after the last complete epoch. It ends with the weights of a training that was never interrupted.</summary>
    /// <param name="folder">Of the training.</param>
    /// <param name="moved">The folder with its images; null is where they were.</param>
    /// <param name="ranks">Who goes on with it, as many as before or others.</param>
    public static int Resume(string folder, string? moved, Ranks ranks)
    {
        var settings = Settings.Of(folder);
        using var running = ranks.IsFirst ? TrainingLock.Take(folder) : null; // before anything is read that another one would replace
        if (settings.Train == TrainedLayers.All) // the other is fitted anew, to features that are kept
            ExpectState(folder);
        if (moved is not null)
            settings = settings with { Data = Path.GetFullPath(moved) };
        else if (!Directory.Exists(settings.Data))
            throw new UserException($"resume: expected the images in '{settings.Data}', where they were when the training began, found no such folder; --data DIR says where they are now");
        var data = DataSet.Load(settings.Data);
        var beginning = Beginning.Of(folder, settings, data);
        return Run(beginning.Arrange(data), settings, folder, beginning, ranks, remark: null);
    }

    /// <summary>A rank without images would have nothing to learn from, and batch norm needs two of them.</summary>
    /// <param name="batchSize">Images a step.</param>
    /// <param name="ranks">Who shares them.</param>
    /// <exception cref="UserException">There are too many.</exception>
    public static void ExpectImagesForAll(int batchSize, Ranks ranks)
    {
        if (ranks.AreSeveral && batchSize < LeastOfRank * ranks.Count)
            throw new UserException($"--batch-size: expected {LeastOfRank} images a step or more for each of the {ranks.Count} ranks, which share them, so {LeastOfRank * ranks.Count}, got {batchSize}");
    }

    /// <summary>Without its state a training would start from nothing, and its weights would be lost.</summary>
    private static void ExpectState(string folder)
    {
        var (state, weights) = (Path.Combine(folder, State), Path.Combine(folder, NetworkInfo.WeightsFileName));
        if (File.Exists(Path.Combine(folder, OfEpochs)) && !File.Exists(state))
            throw new UserException($"resume: expected a file {state}, as {OfEpochs} tells of complete epochs, found none; put it back" +
                (File.Exists(weights) ? $", or start a new training with --weights '{weights}'" : ""));
    }

    private static int Run(DataSet all, Settings settings, string folder, Beginning? beginning, Ranks ranks, string? remark)
    {
        if (settings.Train == TrainedLayers.All)
            ExpectImagesForAll(settings.Recipe.BatchSize, ranks);
        using var interruption = new Interruption(secondEnds: !ranks.AreSeveral);
        var together = new Together(ranks, interruption);
        var (watch, screen, recipe) = (Stopwatch.StartNew(), new Screen(), settings.Recipe);
        var device = Devices.Find(ranks.Device(settings.Device));
        if (settings.Precision == Precision.Auto)
            settings = settings.Decide(isNative: ranks.Exchange(AutoPrecision.IsNative(settings, device) ? 0 : 1) == 0, ranks.Count); // on every rank: all wait for the slowest
        if (beginning is null && settings.Train == TrainedLayers.Head)
            all = all.Pool(test: all.Training.Count + all.Validation.Count + all.Test.Count < FewToHoldOut);

        manual_seed(settings.Seed);
        using var state = new TrainingState(Network(), recipe.Epochs, recipe.Ema > 0 ? Network() : null, settings.Precision == Precision.Fp16);
        bool isResumed;
        var (resumed, start) = (default(string), default(StartingWeights));
        try
        {
            isResumed = together.FromFirst(beginning is not null && File.Exists(Path.Combine(folder, State)));
            together.Run(() =>
            {
                if (!ranks.IsFirst) return;
                if (isResumed)
                    resumed = SavedState.Load(state, Path.Combine(folder, State));
                else if (settings.Weights is not null)
                    start = StartingWeights.Load(state.Model, recipe.Architecture, settings.Weights, screen, interruption.Token);
            });
            ranks.TakeFromFirst(state.state_dict().Values);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.Line("interrupted while the weights were fetched; what is there stays");
            return interruption.ExitCode;
        }
        var output = ranks.IsFirst ? new OutputFolder(folder) : null;
        using var running = beginning is null && ranks.IsFirst ? TrainingLock.Take(folder) : null;

        var normalisation = beginning?.Network.Normalisation ?? start?.NormalisationFor(all);
        using var features = settings.BeginsWithHead() && !isResumed ? new FolderFeatures(state.Model, device, settings.Precision.OfFeatures(device), output, screen) : null;
        var known = normalisation is null || ranks.AreSeveral ? null : features?.Read(NetworkInfo.Of(all, recipe, normalisation));
        if (Preparation.Of(all, settings, normalisation, known, screen, together) is not var (data, network, images))
            return interruption.ExitCode;
        var doubt = beginning?.Compare(network, images);
        Preparation.Expect(data, settings, images);
        if (settings.Train == TrainedLayers.All && new TrainingBatches(data.Training, network, recipe, settings.Seed).LeastSize is var least && ranks.AreSeveral && least < LeastOfRank * ranks.Count)
            throw new UserException($"{settings.Data}: expected {LeastOfRank} images a step or more for each of the {ranks.Count} ranks, got {data.Training.Count} training images, which make steps of {least}; start fewer ranks");
        network = beginning?.Network ?? network;
        var classWeights = settings.Balanced ? data.ClassWeights() : null;
        if (beginning is null)
            Clear();
        output?.Write(ImageList.FileName, images.ToJson());
        output?.Write(NetworkInfo.FileName, network.ToJson());
        output?.Write(Settings.FileName, settings.ToJson()); // last: with it a training can be resumed

        screen.Line($"{recipe.Architecture.Title()} on {Libtorch.Describe(device)}{(ranks.AreSeveral ? $", {ranks.Count} ranks" : "")}{settings.ComputesIn(device)}: {data.Training.Count + data.Validation.Count} images to train and validate with, {data.Test.Count} to test with");
        foreach (var line in (string?[])[settings.Precision.Remark(device), resumed ?? start?.Line, remark, doubt, Layers(), Advice()])
            if (line is not null)
                screen.Line(line);

        var log = ranks.IsFirst ? new TensorBoardLog(folder) : null;
        try
        {
            HeadResult? head = null;
            if (features is not null)
                together.Run(() => head = FitHead(features));
            return settings.Train == TrainedLayers.All ? TrainLayers()
                : head is null ? ExitCode.Done
                : FinishHead(head);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            screen.Line(settings.Train == TrainedLayers.Head ? "interrupted before the classifier was fitted" : $"interrupted after {state.Epochs.Count} of {recipe.Epochs} epochs");
            if (settings.Train == TrainedLayers.All)
            {
                var weights = SaveWeights();
                screen.Line($"weights so far    {weights.SafeTensors}");
                screen.Line($"for torch.load    {weights.Torch}");
            }
            if (state.Epochs.Count > 0)
                SaveCurves(state.Epochs);
            screen.Line($"to go on          resume {folder}");
            return interruption.ExitCode;
        }

        // The ranks compute the features together; the rest takes milliseconds.
        HeadResult? FitHead(FolderFeatures features)
        {
            Tensor? Extract(IReadOnlyList<Picture> pictures) => features.Load(pictures, network, images, settings.Data, together);
            if (ranks.IsFirst)
                return new HeadTraining(state.Model, data, network, classWeights, screen).Run(pictures => Extract(pictures)!, interruption.Token);
            Extract(data.All);
            return null;
        }

        int FinishHead(HeadResult head)
        {
            foreach (var epoch in head.Epochs)
                log?.Add(epoch);
            output?.Write(OfEpochs, Metrics.Csv(head.Epochs));
            SaveResults(head.Epochs);
            if (head.CrossValidation is { } crossed)
                Show(crossed, "cross-validated", isLast: head.Test is null);
            if (head.Test is { } test)
                Show(test, "test", isLast: true);
            return ExitCode.Done;
        }

        int TrainLayers()
        {
            new Trainer(state, data, network, settings, device, screen, together, classWeights).Train(epoch =>
            {
                output?.Write(State, state);
                SaveWeights();
                output?.Write(OfEpochs, Metrics.Csv(state.Epochs));
                log?.Add(epoch);
            });
            SaveResults(state.Epochs); // the weights once more where the last run was killed between the two
            if (data.Test.Count > 0)
                Show(Evaluation.Of(state.Result, network, data.Test, device, together), "test", isLast: true);
            return ExitCode.Done;
        }

        void Show(Evaluation evaluation, string figure, bool isLast)
        {
            if (isLast && output is not null)
            {
                screen.Line($"confusion matrix  {output.Write("confusion-matrix.png", Charts.Confusion(evaluation, network.Classes, figure))}");
                screen.Line($"surely wrong      {output.Write("most-wrong.png", WrongSheet.Of(evaluation, network))}");
            }
            screen.Line($"{figure} accuracy {evaluation.AccuracyInWords}{(isLast ? $", {watch.Elapsed.TotalSeconds:0} s after the start" : ", each by a classifier that had not seen it")}");
        }

        string? Layers() => !settings.BeginsWithHead() || isResumed ? null
            : settings.Train == TrainedLayers.Head ? "training the classifier alone, on what the other layers make of the images; --train All trains every layer"
            : "training the classifier, then every layer";
        string? Advice() => settings.Weights is null && data.Training[0] is FilePicture && data.Training.Count + data.Validation.Count < StartingWeights.FewImages
            ? $"fewer than {StartingWeights.FewImages} photographs are few to learn from nothing: --weights imagenet begins with a network that knows photographs, and takes seconds"
            : null;
        ResidualNetwork Network() => settings.Network(all.Classes.Count, device);
        (string? SafeTensors, string? Torch) SaveWeights() => (output?.Write(NetworkInfo.WeightsFileName, state.Result), output?.Write(NetworkInfo.TorchFileName, state.Result));
        void SaveResults(IReadOnlyList<Epoch> epochs)
        {
            var weights = SaveWeights();
            screen.Line($"weights           {weights.SafeTensors}");
            screen.Line($"for torch.load    {weights.Torch}");
            SaveCurves(epochs);
        }
        void SaveCurves(IReadOnlyList<Epoch> epochs) => screen.Line($"learning curves   {output?.Write("learning-curves.png", Charts.LearningCurves(epochs))}");
        void Clear()
        {
            // Another training's, which would not go with this one's classes, but for what this one starts from
            foreach (var name in (string[])[Settings.FileName, State, OfEpochs, NetworkInfo.FileName, NetworkInfo.WeightsFileName, NetworkInfo.TorchFileName, ExportJob.FileName, ExportJob.Int8FileName])
                if (!Path.GetFullPath(Path.Combine(folder, name)).Equals(settings.Weights, StringComparison.OrdinalIgnoreCase)) // as some systems compare names
                    output?.Delete(name);
        }
    }
}
