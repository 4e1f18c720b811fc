using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>ImageNet weights: a ResNet-18's come with this program; the others are torchvision's, downloaded once into the cache that Python also uses.</summary>
internal static class PublishedWeights
{
    private const int BarSteps = 1000;

    /// <summary>Whether a file has the name of one of torchvision's.</summary>
    public static bool IsPublishedFile(string path) => PretrainedWeights.All.Any(weights => weights.FileName == Path.GetFileName(path));

    /// <summary>Loads the weights of all layers except the classifier.</summary>
    /// <param name="model">The network.</param>
    /// <param name="architecture">The network's architecture.</param>
    /// <param name="isBundled">Whether to load the weights that come with the program.</param>
    /// <param name="screen">Shows the progress of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserException">The weights cannot be downloaded, or are damaged.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static StartingWeights Load(ResidualNetwork model, Architecture architecture, bool isBundled, Screen screen, CancellationToken cancellation)
    {
        try
        {
            return new StartingWeights(isBundled ? LoadBundled(model) : LoadTorchvision(model, architecture, screen, cancellation), Normalization.ImageNet, StemMismatch: null);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or HttpRequestException or NotSupportedException)
        {
            throw new UserException($"--weights: {e.Message}");
        }
    }

    private static string LoadBundled(ResidualNetwork model)
    {
        BundledImageNet.LoadInto(model);
        return $"ImageNet weights from the package Microsoft.ML.DnnImageFeaturizer.ResNet18, {BundledImageNet.Path}; the classifier starts with random weights";
    }

    private static string LoadTorchvision(ResidualNetwork model, Architecture architecture, Screen screen, CancellationToken cancellation)
    {
        // The first version of each: later versions are better on ImageNet, and worse on other images.
        var weights = PretrainedWeights.All.First(weights => weights.Network == model.GetType().Name && weights.Name.EndsWith("V1", StringComparison.Ordinal));
        var path = "";
        screen.RunWithBar(BarSteps, () => path = weights.DownloadAsync(progress: new Bar(screen, weights.FileName), cancellationToken: cancellation).GetAwaiter().GetResult());
        using var published = architecture.Create(weights.NumClasses, weights.Stem, CPU);
        Checkpoint.Load(published, path);
        Classifier.CopyOthers(published, model);
        return $"torchvision's weights {weights}, {path}; the classifier starts with random weights";
    }

    private sealed class Bar(Screen screen, string name) : IProgress<double>
    {
        private int _done;

        public void Report(double share)
        {
            var done = (int)(share * BarSteps);
            screen.Advance($"downloading {name}", done - _done);
            _done = done;
        }
    }
}
