namespace ResNet.Train;

/// <summary>Tests a network that was trained before.</summary>
internal static class EvaluateJob
{
    /// <param name="trained">A training's folder, or a file with a network in it.</param>
    /// <param name="folder">With the images, all of which are tested with; null is the training's own test images.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="deviceName">Where libtorch computes.</param>
    public static int Run(string trained, string? folder, Engine engine, string deviceName)
    {
        using var interruption = new Interruption();
        var screen = new Screen();
        using var predictor = Predictor.Load(trained, engine, deviceName);
        var network = predictor.Network;
        var own = folder is null ? OwnImages.Of(NetworkInfo.FolderOf(trained)) : null;
        var images = own?.Images ?? DataSet.LoadAll(folder!, forTest: true, network.Classes);

        Preparation.Remark(images.Remarks);
        try
        {
            var survey = Survey.Of(images.For(network), network.Size, network.Frame, network.Grey, () => { }, interruption.Token);
            Preparation.Warn(survey.Broken);
            own?.Compare(survey);
            if (survey.Readable.Count == 0)
                throw new UserException("evaluate: expected test images, got none; --data DIR tests with all images of a folder");

            var test = Evaluation.Of(predictor.Logits, network, survey.Readable, interruption.Token);
            screen.Line($"test accuracy {test.AccuracyInWords}, loss {Digits.OfLoss(test.Loss)}; {images.Description}");
            string[] names = [.. network.Classes.Select(VisibleText.Of)];
            int[] counts = [.. names.Select((_, i) => Enumerable.Range(0, names.Length).Sum(j => test.Confusion[i, j]))];
            var width = names.Max(name => name.Length);
            foreach (var (i, name) in names.Index())
                screen.Line($"{name.PadRight(width)} {test.Confusion[i, i],5} of {counts[i]}");
            if (counts.Contains(0))
                screen.Line($"no images of: {string.Join(", ", names.Where((_, i) => counts[i] == 0))}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }
}
