namespace ResNet.Train;

/// <summary>Tests a network that was trained before.</summary>
internal static class EvaluateJob
{
    /// <param name="trained">A training's folder, or a file with a network in it.</param>
    /// <param name="folder">With the pictures; null is the folder that the training had.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="deviceName">Where libtorch computes.</param>
    public static int Run(string trained, string? folder, Engine engine, string deviceName)
    {
        using var interruption = new Interruption();
        var screen = new Screen();
        using var predictor = Predictor.Load(trained, engine, deviceName);
        var network = predictor.Network;
        var data = DataSet.Load(folder ?? Settings.Of(NetworkInfo.FolderOf(trained)).Data);
        if (!data.Classes.SequenceEqual(network.Classes))
            throw new UserException($"evaluate: expected pictures of the network's classes ({string.Join(", ", network.Classes)}), got {string.Join(", ", data.Classes)}");

        Preparation.Remark(data);
        try
        {
            var survey = Survey.Of(data.Test, network.Size, network.Frame, network.Grey, () => { }, interruption.Token);
            Preparation.Warn(survey.Broken);
            if (survey.Readable.Count == 0)
                throw new UserException("evaluate: expected test images, got none");

            var test = Evaluation.Of(predictor.Logits, network, survey.Readable, interruption.Token);
            screen.Line($"test accuracy {test.Accuracy:0.000}: {test.Correct} of {test.Count} images, loss {test.Loss:0.000}");
            var width = network.Classes.Max(name => name.Length);
            foreach (var (i, name) in network.Classes.Index())
                screen.Line($"{name.PadRight(width)} {test.Confusion[i, i],5} of {Enumerable.Range(0, network.Classes.Count).Sum(j => test.Confusion[i, j])}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }
}
