using System.Diagnostics;

namespace ResNet.Train;

/// <summary>Predicts the classes of images.</summary>
internal sealed class PredictJob
{
    private const int Best = 5, BarLength = 40;

    /// <summary>More images than these, or a folder, get one line each.</summary>
    private const int MostInDetail = 10;

    private readonly Predictor _predictor;
    private readonly Explainer? _explainer;
    private readonly NamedImages _images;
    private readonly Screen _screen = new();
    private readonly IReadOnlyList<string> _names;
    private readonly int _width;
    private readonly int[] _counts;
    private bool _isDetailed;

    private PredictJob(Predictor predictor, Explainer? explainer, NamedImages images)
    {
        (_predictor, _explainer, _images) = (predictor, explainer, images);
        _names = [.. predictor.Network.Classes.Select(VisibleText.Escape)];
        _width = _names.Max(name => name.Length);
        _counts = new int[_names.Count];
    }

    /// <param name="paths">The images, and folders of images.</param>
    /// <param name="model">A training run's folder, or a network's file in it; null is the last training run in the folder <c>runs</c>.</param>
    /// <param name="csv">A file for all probabilities, in the format of <see cref="PredictionCsv"/>; null is none.</param>
    /// <param name="explain">Whether to draw where the network sees the predicted classes.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="deviceName">The device for libtorch.</param>
    public static int Run(IReadOnlyList<string> paths, string? model, string? csv, bool explain, Engine engine, string deviceName)
    {
        if (explain && engine != Engine.Torch)
            throw new UserException($"--explain: expected --engine {Engine.Torch}, which gives the features of the last layer, got {engine}");
        using var interruption = new Interruption();
        model ??= LastRun.Find();
        using var predictor = Predictor.Load(model, engine, deviceName);
        using var explainer = explain ? Explainer.Load(model, Devices.Find(deviceName)) : null;
        try
        {
            var images = NamedImages.Find(paths, interruption.Token);
            new PredictJob(predictor, explainer, images).Run(csv, interruption.Token);
            return images.Code;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private void Run(string? csv, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        if (csv == PredictionCsv.StandardOutput)
        {
            PredictionCsv.Write(csv, _predictor.Network.Classes, table => Predict(table.Add, cancellation));
        }
        else if (csv is not null)
        {
            PredictionCsv.Write(csv, _predictor.Network.Classes, table =>
            {
                _screen.RunWithBar(_images.MostCount, () => Predict(table.Add, cancellation));
                if (_counts.Sum() == 0)
                    throw new UserException("--csv: expected readable images, got none; the table is not written");
            });
            ShowCounts(watch.Elapsed, $", in {csv}");
        }
        else if (_images.HasFolders || _images.MostCount > MostInDetail)
        {
            Predict(ShowLine, cancellation);
            if (_counts.Sum() > 0)
            {
                _screen.WriteLine("");
                ShowCounts(watch.Elapsed, "");
            }
        }
        else
        {
            _isDetailed = true;
            Predict(ShowDetails, cancellation);
        }
    }

    private void Predict(Action<string, float[]> show, CancellationToken cancellation)
    {
        foreach (var part in _predictor.Predict(_images.Enumerate(), cancellation))
        {
            using (part)
            {
                foreach (var problem in part.Broken)
                    _images.Report(problem);
                foreach (var (image, probabilities) in part.Enumerate())
                {
                    show(image.Name, probabilities);
                    _counts[Array.IndexOf(probabilities, probabilities.Max())]++;
                    if (_explainer is not null)
                        Explain(_explainer, image, probabilities);
                    cancellation.ThrowIfCancellationRequested();
                }
                _screen.Advance("predicting", part.Images.Count + part.Broken.Count);
            }
        }
    }

    private void Explain(Explainer explainer, Image image, float[] probabilities)
    {
        try
        {
            explainer.Explain(image, probabilities);
            if (_isDetailed)
                _screen.WriteLine($"  explained in {ExplanationFile.GetPath(image.Name)}");
        }
        catch (UserException problem)
        {
            _images.Report(problem.Message);
        }
    }

    private void ShowDetails(string file, float[] probabilities)
    {
        _screen.WriteLine(file);
        foreach (var (probability, name) in probabilities.Zip(_names).OrderByDescending(pair => pair.First).Take(Best))
            _screen.WriteLine($"  {name.PadRight(_width)}  {100 * probability,5:0.0} %  {new string('█', (int)Math.Round(BarLength * probability))}".TrimEnd());
    }

    /// <summary>Shows an image in one line. The name comes last, so that the classes align.</summary>
    private void ShowLine(string file, float[] probabilities)
    {
        var best = probabilities.Max();
        _screen.WriteLine($"{_names[Array.IndexOf(probabilities, best)].PadRight(_width)}  {100 * best,5:0.0} %  {file}");
    }

    private void ShowCounts(TimeSpan time, string where)
    {
        var count = _counts.Sum();
        _screen.WriteLine($"{Plural.Format(count, "image")}, {count / time.TotalSeconds:0.0} images/s{where}");
        foreach (var (name, number) in _names.Zip(_counts).Where(pair => pair.Second > 0).OrderByDescending(pair => pair.Second))
            _screen.WriteLine($"{name.PadRight(_width)} {number,6}");
        if (_explainer is not null)
            _screen.WriteLine($"explanations are beside the images, in files ending with {ExplanationFile.Ending}");
    }
}
