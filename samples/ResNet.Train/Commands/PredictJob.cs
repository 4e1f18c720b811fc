using System.Diagnostics;

namespace ResNet.Train;

/// <summary>Says what pictures show.</summary>
internal sealed class PredictJob
{
    private const int Best = 5, BarLength = 40;

    /// <summary>Of more images than these, or of a folder, a line each tells enough.</summary>
    private const int MostInDetail = 10;

    private readonly Predictor _predictor;
    private readonly Screen _screen = new();
    private readonly IReadOnlyList<string> _names;
    private readonly int _width;
    private readonly int[] _counts;

    private int _code = ExitCode.Done;

    private PredictJob(Predictor predictor)
    {
        _predictor = predictor;
        _names = [.. predictor.Network.Classes.Select(VisibleText.Of)];
        _width = _names.Max(name => name.Length);
        _counts = new int[_names.Count];
    }

    /// <param name="paths">The pictures, and folders of pictures.</param>
    /// <param name="model">A training's folder, or a file with a network in it; null is the last training in the folder <c>runs</c>.</param>
    /// <param name="csv">A file for all probabilities, as <see cref="PredictionCsv"/> writes them; null is none.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="deviceName">Where libtorch computes.</param>
    public static int Run(IReadOnlyList<string> paths, string? model, string? csv, Engine engine, string deviceName)
    {
        using var interruption = new Interruption();
        using var predictor = Predictor.Load(model ?? LastRun(), engine, deviceName);
        try
        {
            return new PredictJob(predictor).Run(paths, csv, interruption.Token);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private int Run(IReadOnlyList<string> paths, string? csv, CancellationToken cancellation)
    {
        var images = NamedImages.Find(paths, Tell, Console.Error.WriteLine, cancellation);
        var watch = Stopwatch.StartNew();
        if (csv is not null)
            PredictionCsv.Write(csv, _predictor.Network.Classes, table =>
            {
                if (csv == PredictionCsv.StandardOutput)
                    Predict(images, table.Add, cancellation);
                else
                    _screen.WithBar(images.MostCount, () => Predict(images, table.Add, cancellation));
            });
        else if (images.HasFolders || images.MostCount > MostInDetail)
            Predict(images, ShowLine, cancellation);
        else
            Predict(images, ShowDetails, cancellation);

        if (csv != PredictionCsv.StandardOutput && (csv is not null || images.HasFolders || images.MostCount > MostInDetail))
            ShowCounts(watch.Elapsed, csv);
        return _code;
    }

    private void Predict(NamedImages images, Action<string, float[]> show, CancellationToken cancellation)
    {
        foreach (var part in _predictor.Predict(images.Images(), cancellation))
        {
            using (part)
            {
                foreach (var problem in part.Broken)
                    Tell(problem);
                foreach (var (picture, probabilities) in part.Each())
                {
                    show(picture.Name, probabilities);
                    _counts[Array.IndexOf(probabilities, probabilities.Max())]++;
                }
                _screen.Step("predicting", part.Pictures.Count + part.Broken.Count);
            }
        }
    }

    /// <summary>The others are still wanted.</summary>
    private void Tell(string problem)
    {
        Console.Error.WriteLine(problem);
        _code = ExitCode.Failed;
    }

    private void ShowDetails(string file, float[] probabilities)
    {
        _screen.Line(file);
        foreach (var (probability, name) in probabilities.Zip(_names).OrderByDescending(pair => pair.First).Take(Best))
            _screen.Line($"  {name.PadRight(_width)}  {100 * probability,5:0.0} %  {new string('█', (int)Math.Round(BarLength * probability))}".TrimEnd());
    }

    /// <summary>The name last, so that the classes stand below each other.</summary>
    private void ShowLine(string file, float[] probabilities)
    {
        var best = probabilities.Max();
        _screen.Line($"{_names[Array.IndexOf(probabilities, best)].PadRight(_width)}  {100 * best,5:0.0} %  {file}");
    }

    private void ShowCounts(TimeSpan time, string? csv)
    {
        var count = _counts.Sum();
        if (csv is null)
            _screen.Line("");
        _screen.Line($"{count} images, {count / time.TotalSeconds:0.0} images/s{(csv is null ? "" : $", in {csv}")}");
        foreach (var (name, number) in _names.Zip(_counts).Where(pair => pair.Second > 0).OrderByDescending(pair => pair.Second))
            _screen.Line($"{name.PadRight(_width)} {number,6}");
    }

    private static string LastRun() =>
        (Directory.Exists("runs") ? Directory.EnumerateDirectories("runs") : [])
            .Where(folder => File.Exists(Path.Combine(folder, NetworkInfo.WeightsFileName)) && File.Exists(Path.Combine(folder, NetworkInfo.FileName)))
            .MaxBy(folder => File.GetLastWriteTimeUtc(Path.Combine(folder, NetworkInfo.WeightsFileName)))
        ?? throw new UserException("--model: expected the folder of a training, got none, and there is no training in the folder runs");
}
