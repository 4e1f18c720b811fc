using System.Diagnostics;
using static TorchSharp.torch;

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
            var pictures = images.For(network);
            own?.Compare(pictures, interruption.Token);
            var watch = Stopwatch.StartNew();
            var test = Test(predictor, pictures, screen, interruption.Token);
            var time = watch.Elapsed;

            screen.Line($"test accuracy {test.AccuracyInWords}, loss {Digits.OfLoss(test.Loss)}; {images.Description}");
            string[] names = [.. network.Classes.Select(VisibleText.Of)];
            int[] counts = [.. names.Select((_, i) => Enumerable.Range(0, names.Length).Sum(j => test.Confusion[i, j]))];
            var width = names.Max(name => name.Length);
            foreach (var (i, name) in names.Index())
                screen.Line($"{name.PadRight(width)} {test.Confusion[i, i],5} of {counts[i]}");
            if (counts.Contains(0))
                screen.Line($"no images of: {string.Join(", ", names.Where((_, i) => counts[i] == 0))}");
            screen.Line($"{time.TotalSeconds:0.0} s, {test.Count / time.TotalSeconds:0.0} images/s");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    /// <summary>Decodes each image once; those that are broken are told and left out.</summary>
    private static Evaluation Test(Predictor predictor, IReadOnlyList<Picture> pictures, Screen screen, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var (readable, broken, logits) = (new List<Picture>(), new List<string>(), new List<Tensor>());
        screen.WithBar(pictures.Count, () =>
        {
            foreach (var part in PictureBatches.Stream(pictures, predictor.Network, predictor.Logits, cancellation))
            {
                readable.AddRange(part.Pictures);
                broken.AddRange(part.Broken);
                if (part.Pictures.Count > 0)
                    logits.Add(part.Outputs);
                screen.Step("testing", part.Pictures.Count + part.Broken.Count);
            }
        });
        Preparation.Warn(broken);
        if (readable.Count == 0)
            throw new UserException("evaluate: expected test images, got none; --data DIR tests with all images of a folder");
        return Evaluation.Of(cat(logits), predictor.Network, readable);
    }
}
