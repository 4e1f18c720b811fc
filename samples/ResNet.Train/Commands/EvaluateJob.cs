using System.Diagnostics;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Evaluates a trained network.</summary>
internal static class EvaluateJob
{
    /// <param name="trained">A training run's folder, or a network's file in it.</param>
    /// <param name="folder">A folder whose images are all tested; null is the training's own test images.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="deviceName">The device for libtorch.</param>
    /// <param name="ranks">The ranks that share the images.</param>
    public static int Run(string trained, string? folder, Engine engine, string deviceName, Ranks ranks)
    {
        if (engine == Engine.Onnx)
            ranks.ExpectOne($"evaluate --engine {engine}", "this engine uses all processors of a machine by itself");
        using var interruption = new Interruption(secondEnds: !ranks.AreSeveral);
        var together = new Together(ranks, interruption);
        var screen = new Screen();
        using var predictor = Predictor.Load(trained, engine, ranks.ChooseDevice(deviceName));
        var network = predictor.Network;
        var own = folder is null ? OwnTestImages.Load(ModelConfig.FindFolder(trained)) : null;
        var source = own?.Images ?? DataSet.LoadAll(folder!, forTest: true, network.Classes);

        Preparation.Remark(source.Remarks);
        try
        {
            var images = source.Relabel(network);
            together.ExpectSame(images, "evaluate");
            together.Run(() =>
            {
                if (ranks.IsFirst)
                    own?.Compare(images, interruption.Token);
            });
            var watch = Stopwatch.StartNew();
            var test = Evaluate(predictor, images, screen, together);
            var time = watch.Elapsed;
            together.Run(() =>
            {
                if (ranks.IsFirst && folder is not null && ImageList.Read(ModelConfig.FindFolder(trained)) is { } list
                    && SameImages.FindTrained([.. test.Predictions.Select(prediction => prediction.Image)], folder, list, interruption.Token) is { } remark)
                    Preparation.Remark([remark]);
            });

            screen.WriteLine($"test accuracy {test.AccuracyInWords}, loss {Digits.FormatLoss(test.Loss)}; {source.Description}");
            string[] names = [.. network.Classes.Select(VisibleText.Escape)];
            int[] counts = [.. names.Select((_, i) => Enumerable.Range(0, names.Length).Sum(j => test.Confusion[i, j]))];
            var width = names.Max(name => name.Length);
            foreach (var (i, name) in names.Index())
                screen.WriteLine($"{name.PadRight(width)} {test.Confusion[i, i],5} of {counts[i]}");
            if (counts.Contains(0))
                screen.WriteLine($"no images of: {string.Join(", ", names.Where((_, i) => counts[i] == 0))}");
            screen.WriteLine($"{time.TotalSeconds:0.0} s, {test.Count / time.TotalSeconds:0.0} images/s");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    /// <summary>Decodes each image once, on one of the ranks. Warns about broken images and leaves them out.</summary>
    private static Evaluation Evaluate(Predictor predictor, IReadOnlyList<Image> images, Screen screen, Together together)
    {
        using var scope = NewDisposeScope();
        var (readable, broken, logits) = (new List<Image>(), new List<string>(), new List<Tensor>());
        var (start, count) = ImageBatches.FindOwn(images.Count, predictor.Network, together.Ranks);
        screen.RunWithBar(count, () => together.Run(() =>
        {
            foreach (var part in ImageBatches.Stream(images.Skip(start).Take(count), predictor.Network, predictor.ComputeLogits, together.Token, together.Ranks.Processors))
            {
                readable.AddRange(part.Images);
                broken.AddRange(part.Broken);
                if (part.Images.Count > 0)
                    logits.Add(part.Outputs);
                screen.Advance("testing", part.Images.Count + part.Broken.Count);
            }
        }));
        var numbers = images.Index().ToDictionary(image => image.Item, image => (long)image.Index);
        var parts = together.Gather(new Part([.. readable.Select(image => numbers[image])], broken));
        Preparation.Warn([.. parts.SelectMany(part => part.Broken)]);
        long[] rows = [.. parts.SelectMany(part => part.Readable)];
        if (rows.Length == 0)
            throw new UserException("evaluate: expected test images, got none; --data DIR tests all images of a folder");

        var all = zeros([images.Count, predictor.Network.Classes.Count]);
        if (logits.Count > 0)
            all.index_copy_(0, tensor([.. readable.Select(image => numbers[image])]), cat(logits));
        together.Ranks.Sum(all);
        return Evaluation.Evaluate(all.index_select(0, tensor(rows)), predictor.Network, [.. rows.Select(row => images[(int)row])]);
    }

    /// <summary>A rank's share of the result.</summary>
    /// <param name="Readable">The indices of the readable images in the list of all images.</param>
    /// <param name="Broken">A message for each of the others.</param>
    private sealed record Part(long[] Readable, IReadOnlyList<string> Broken);
}
