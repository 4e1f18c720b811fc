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
    /// <param name="ranks">Who shares the images.</param>
    public static int Run(string trained, string? folder, Engine engine, string deviceName, Ranks ranks)
    {
        if (engine == Engine.Onnx)
            ranks.ExpectOne($"evaluate --engine {engine}", "it takes all processors of a machine by itself");
        using var interruption = new Interruption(secondEnds: !ranks.AreSeveral);
        var together = new Together(ranks, interruption);
        var screen = new Screen();
        using var predictor = Predictor.Load(trained, engine, ranks.Device(deviceName));
        var network = predictor.Network;
        var own = folder is null ? OwnImages.Of(NetworkInfo.FolderOf(trained)) : null;
        var images = own?.Images ?? DataSet.LoadAll(folder!, forTest: true, network.Classes);

        Preparation.Remark(images.Remarks);
        try
        {
            var pictures = images.For(network);
            together.ExpectSame(pictures, "evaluate");
            together.Run(() =>
            {
                if (ranks.IsFirst)
                    own?.Compare(pictures, interruption.Token);
            });
            var watch = Stopwatch.StartNew();
            var test = Test(predictor, pictures, screen, together);
            var time = watch.Elapsed;

            screen.Line($"test accuracy {test.AccuracyInWords}, loss {Digits.FormatLoss(test.Loss)}; {images.Description}");
            string[] names = [.. network.Classes.Select(VisibleText.Escape)];
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

    /// <summary>Decodes each image once, on one of the ranks; those that are broken are told and left out.</summary>
    private static Evaluation Test(Predictor predictor, IReadOnlyList<Picture> pictures, Screen screen, Together together)
    {
        using var scope = NewDisposeScope();
        var (readable, broken, logits) = (new List<Picture>(), new List<string>(), new List<Tensor>());
        var (start, count) = PictureBatches.OwnOf(pictures.Count, predictor.Network, together.Ranks);
        screen.WithBar(count, () => together.Run(() =>
        {
            foreach (var part in PictureBatches.Stream(pictures.Skip(start).Take(count), predictor.Network, predictor.Logits, together.Token, together.Ranks.Processors))
            {
                readable.AddRange(part.Pictures);
                broken.AddRange(part.Broken);
                if (part.Pictures.Count > 0)
                    logits.Add(part.Outputs);
                screen.Step("testing", part.Pictures.Count + part.Broken.Count);
            }
        }));
        var numbers = pictures.Index().ToDictionary(picture => picture.Item, picture => (long)picture.Index);
        var parts = together.Gather(new Part([.. readable.Select(picture => numbers[picture])], broken));
        Preparation.Warn([.. parts.SelectMany(part => part.Broken)]);
        long[] rows = [.. parts.SelectMany(part => part.Readable)];
        if (rows.Length == 0)
            throw new UserException("evaluate: expected test images, got none; --data DIR tests with all images of a folder");

        var all = zeros([pictures.Count, predictor.Network.Classes.Count]);
        if (logits.Count > 0)
            all.index_copy_(0, tensor([.. readable.Select(picture => numbers[picture])]), cat(logits));
        together.Ranks.Sum(all);
        return Evaluation.Of(all.index_select(0, tensor(rows)), predictor.Network, [.. rows.Select(row => pictures[(int)row])]);
    }

    /// <summary>What a rank tells the others of its share.</summary>
    /// <param name="Readable">Numbers in the list of all pictures.</param>
    /// <param name="Broken">What is wrong with each of the others.</param>
    private sealed record Part(long[] Readable, IReadOnlyList<string> Broken);
}
