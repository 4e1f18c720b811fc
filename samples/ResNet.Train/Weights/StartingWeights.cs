using ResNet.Core;

namespace ResNet.Train;

/// <summary>Weights to start a training from: another training run's, or published ones.</summary>
/// <param name="Line">A description of the loaded weights, in one line.</param>
/// <param name="Normalization">The normalization that the weights were trained with; null if unknown.</param>
/// <param name="StemMismatch">The problem if the weights are for another stem, as in a <see cref="LoadReport"/>; null if none is known.</param>
internal sealed record StartingWeights(string Line, Normalization? Normalization, string? StemMismatch)
{
    /// <summary>With fewer images, training from scratch works poorly, and the default with published weights is to train the classifier alone.</summary>
    public const int FewImages = 2_000;

    /// <summary>A message names at most so many tensors: in another network's file, none fits.</summary>
    private const int MostNamed = 4;

    /// <returns>The layers to train by default.</returns>
    public static TrainedLayers ChooseLayers(string? weights, DataSet data) =>
        WeightsSource.IsPublished(weights) && data.Training.Count + data.Validation.Count < FewImages ? TrainedLayers.Head : TrainedLayers.All;

    /// <summary>
    /// Loads weights into the network. All must fit, except those of the classifier, which only make sense for their own classes:
    /// tensors that do not fit keep their values.
    /// </summary>
    /// <param name="model">The network. Its classifier has its initial weights.</param>
    /// <param name="architecture">The network's architecture.</param>
    /// <param name="weights">See <see cref="WeightsSource"/>.</param>
    /// <param name="screen">Shows the progress of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserException">The file is missing, damaged, or holds another network's weights; or it cannot be downloaded.</exception>
    public static StartingWeights Load(ResidualNetwork model, Architecture architecture, string weights, Screen screen, CancellationToken cancellation)
    {
        if (!WeightsSource.IsPublished(weights))
            return LoadFile(model, weights);
        if (model.Stem != Stem.Conv7MaxPool)
            throw new UserException($"--weights {weights}: expected --stem {Stem.Conv7MaxPool}, the stem of these weights, got {model.Stem}");
        return PublishedWeights.Load(model, architecture, isBundled: weights == WeightsSource.ImageNet && architecture == Architecture.resnet18, screen, cancellation);
    }

    /// <returns>The weights' normalization if it fits the images, else null.</returns>
    public Normalization? ChooseNormalization(DataSet data) => Normalization is not null && Normalization.Fits(data.Grayscale) ? Normalization : null;

    /// <inheritdoc cref="Load"/>
    public static StartingWeights LoadFile(ResidualNetwork model, string path)
    {
        var report = Read(model, path);
        (string Name, string Text)[] misfits =
        [
            .. report.Missing.Select(name => (name, $"{name} (missing)")),
            .. report.Mismatched.Select(tensor => (tensor.Name, $"{tensor}")),
            .. report.Unexpected.Select(name => (name, $"{name} (unexpected)")),
        ];
        string[] elsewhere = [.. misfits.Where(misfit => !Classifier.Has(misfit.Name)).Select(misfit => misfit.Text)];
        if (elsewhere.Length > 0)
        {
            var more = elsewhere.Length > MostNamed ? $" and {elsewhere.Length - MostNamed} more" : "";
            throw new UserException($"--weights: expected weights of a {model.GetType().Name} with the stem {model.Stem}, as in --arch and --stem, got '{path}', " +
                $"which does not fit: {string.Join(", ", elsewhere.Take(MostNamed))}{more}");
        }

        // The report's counts do not treat num_batches_tracked as missing, which old files lack.
        var all = report.Loaded.Count + report.Missing.Count + report.Mismatched.Count;
        var line = $"weights from {path}: {report.Loaded.Count} of {all} tensors";
        if (misfits.Length > 0)
            line += $"; the classifier starts with random weights: {string.Join(", ", misfits.Select(misfit => misfit.Text))}";
        // Weights for another stem are still a useful start.
        return new StartingWeights(report.StemMismatch is null ? line : $"{line}; they are for another stem: {report.StemMismatch}", FindNormalization(path), report.StemMismatch);
    }

    /// <returns>The normalization of a training run's weights, from the config beside them, or of torchvision's files, by their names; null for others.</returns>
    private static Normalization? FindNormalization(string path) =>
        Path.GetFileName(path) is ModelConfig.WeightsFileName or ModelConfig.TorchFileName && File.Exists(Path.Combine(ModelConfig.FindFolder(path), ModelConfig.FileName)) ? ModelConfig.Read(path).Normalization
        : PublishedWeights.IsPublishedFile(path) ? Normalization.ImageNet
        : null;

    private static LoadReport Read(ResidualNetwork model, string path)
    {
        if (!File.Exists(path))
            throw new UserException($"--weights: expected {WeightsSource.ImageNet}, {WeightsSource.Torchvision} or a weights file, got '{path}'");
        try
        {
            return Checkpoint.Load(model, path, strict: false);
        }
        catch (InvalidDataException e)
        {
            throw new UserException($"--weights: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"--weights: expected a readable file, got '{path}': {e.Message}");
        }
    }
}
