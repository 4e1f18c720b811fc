using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>ImageNet's weights: a ResNet-18's lie beside this program, the others are torchvision's, which are fetched once for Python and C#.</summary>
internal static class PublishedWeights
{
    private const int BarSteps = 1000;

    /// <summary>Whether a file is called as one of torchvision's is.</summary>
    public static bool IsFile(string path) => PretrainedWeights.All.Any(weights => weights.FileName == Path.GetFileName(path));

    /// <param name="model">Its layers but the classifier get the weights.</param>
    /// <param name="architecture">Which network it is.</param>
    /// <param name="isBundled">Whether those beside the program are meant.</param>
    /// <param name="screen">Where the progress of a download is shown.</param>
    /// <param name="cancellation">Ends a download.</param>
    /// <exception cref="UserException">They are not there and cannot be fetched, or are damaged.</exception>
    /// <exception cref="OperationCanceledException">The download was ended.</exception>
    public static StartingWeights Load(ResidualNetwork model, Architecture architecture, bool isBundled, Screen screen, CancellationToken cancellation)
    {
        try
        {
            return new StartingWeights(isBundled ? LoadBundled(model) : LoadTorchvisions(model, architecture, screen, cancellation), Normalisation.ImageNet, StemMismatch: null);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or HttpRequestException or NotSupportedException)
        {
            throw new UserException($"--weights: {e.Message}");
        }
    }

    private static string LoadBundled(ResidualNetwork model)
    {
        BundledImageNet.LoadInto(model);
        return $"ImageNet's weights, of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, {BundledImageNet.Path}; the classifier starts fresh";
    }

    private static string LoadTorchvisions(ResidualNetwork model, Architecture architecture, Screen screen, CancellationToken cancellation)
    {
        // The first version of each: the later ones know ImageNet better, and other images less well.
        var weights = PretrainedWeights.All.First(weights => weights.Network == model.GetType().Name && weights.Name.EndsWith("V1", StringComparison.Ordinal));
        var path = "";
        screen.WithBar(BarSteps, () => path = weights.DownloadAsync(progress: new Bar(screen, weights.FileName), cancellationToken: cancellation).GetAwaiter().GetResult());
        using var published = architecture.Create(weights.NumClasses, weights.Stem, CPU);
        Checkpoint.Load(published, path);
        Classifier.CopyOthers(published, model);
        return $"torchvision's weights {weights}, {path}; the classifier starts fresh";
    }

    private sealed class Bar(Screen screen, string name) : IProgress<double>
    {
        private int _done;

        public void Report(double share)
        {
            var done = (int)(share * BarSteps);
            screen.Step($"fetching {name}", done - _done);
            _done = done;
        }
    }
}
