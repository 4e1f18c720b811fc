using ResNet.Core;

namespace ResNet.Train;

/// <summary>Weights to start a training from: another training's, or published ones.</summary>
/// <param name="Line">What was copied, in one line.</param>
/// <param name="Normalisation">What the weights have learned from; null where that is not known.</param>
/// <param name="StemMismatch">What is wrong where they are for another stem, as in a <see cref="LoadReport"/>; null where nothing is known to be.</param>
internal sealed record StartingWeights(string Line, Normalisation? Normalisation, string? StemMismatch)
{
    /// <summary>With fewer images a network learns too little to do without published weights, and the classifier is what they are enough for.</summary>
    public const int FewImages = 2_000;

    private const string ImageNet = "imagenet", Torchvision = "torchvision";

    /// <summary>As many as a terminal shows at a glance: where the file is another network's, nothing fits.</summary>
    private const int MostNamed = 4;

    /// <summary>Words that stand for weights. A file of that name is <c>./imagenet</c>.</summary>
    public static IReadOnlyList<string> Published { get; } = [ImageNet, Torchvision];

    public static bool IsPublished(string? weights) => weights is not null && Published.Contains(weights);

    /// <returns>One of <see cref="Published"/>, or a file's full path, which is none of them.</returns>
    public static string Find(string text) => Published.FirstOrDefault(word => word.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? Path.GetFullPath(text);

    /// <summary>What is trained where the user does not say.</summary>
    public static TrainedLayers TrainByDefault(string? weights, DataSet data) =>
        IsPublished(weights) && data.Training.Count + data.Validation.Count < FewImages ? TrainedLayers.Head : TrainedLayers.All;

    /// <summary>
    /// Copies weights into the network. All have to fit but the classifier's, which are of use for their own classes
    /// alone: what does not fit there stays as it is.
    /// </summary>
    /// <param name="model">Its classifier has its initial weights.</param>
    /// <param name="architecture">Which network it is.</param>
    /// <param name="weights">See <see cref="Find"/>.</param>
    /// <param name="screen">Where the progress of a download is shown.</param>
    /// <param name="cancellation">Ends a download.</param>
    /// <exception cref="UserException">There is no such file, or it is damaged, or holds the weights of another network; or it cannot be fetched.</exception>
    public static StartingWeights Load(ResidualNetwork model, Architecture architecture, string weights, Screen screen, CancellationToken cancellation)
    {
        if (!IsPublished(weights))
            return LoadFile(model, weights);
        if (model.Stem != Stem.Conv7MaxPool)
            throw new UserException($"--weights {weights}: expected --stem {Stem.Conv7MaxPool}, for which these weights are, got {model.Stem}");
        return PublishedWeights.Load(model, architecture, isBundled: weights == ImageNet && architecture == Architecture.resnet18, screen, cancellation);
    }

    /// <summary>What the weights have learned from, where these images can be given to the network in the same way; else null.</summary>
    public Normalisation? NormalisationFor(DataSet data) => Normalisation is not null && Normalisation.Fits(data.Grey) ? Normalisation : null;

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
            throw new UserException($"--weights: expected those of a {model.GetType().Name} with the stem {model.Stem}, as --arch and --stem say, got '{path}', " +
                $"which does not fit: {string.Join(", ", elsewhere.Take(MostNamed))}{more}");
        }

        // Counted by the report: it does not miss the counters of batches, which old files do not have.
        var all = report.Loaded.Count + report.Missing.Count + report.Mismatched.Count;
        var line = $"weights from {path}: {report.Loaded.Count} of {all} tensors";
        if (misfits.Length > 0)
            line += $"; the classifier starts fresh: {string.Join(", ", misfits.Select(misfit => misfit.Text))}";
        // They are a start for this stem all the same.
        return new StartingWeights(report.StemMismatch is null ? line : $"{line}; they are for another stem: {report.StemMismatch}", NormalisationOf(path), report.StemMismatch);
    }

    /// <summary>Of a training of this program, by what lies beside its weights, and of torchvision's files, by their names.</summary>
    private static Normalisation? NormalisationOf(string path) =>
        Path.GetFileName(path) is NetworkInfo.WeightsFileName or NetworkInfo.TorchFileName && File.Exists(Path.Combine(NetworkInfo.FolderOf(path), NetworkInfo.FileName)) ? NetworkInfo.Of(path).Normalisation
        : PublishedWeights.IsFile(path) ? Normalisation.ImageNet
        : null;

    private static LoadReport Read(ResidualNetwork model, string path)
    {
        if (!File.Exists(path))
            throw new UserException($"--weights: expected a file, got '{path}', which is none");
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
            throw new UserException($"--weights: expected a file that can be read, got '{path}': {e.Message}");
        }
    }
}
