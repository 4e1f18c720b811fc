using ResNet.Core;

namespace ResNet.Train;

/// <summary>Weights of another training, to start this one from.</summary>
internal static class StartingWeights
{
    /// <summary>As many as a terminal shows at a glance: where the file is another network's, nothing fits.</summary>
    private const int MostNamed = 4;

    /// <summary>
    /// Copies a file's weights into the network. All have to fit but the classifier's, which are of use for their own classes
    /// alone: what does not fit there stays as it is.
    /// </summary>
    /// <returns>What was copied, in one line.</returns>
    /// <exception cref="UserException">There is no such file, or it is damaged, or holds the weights of another network.</exception>
    public static string Load(ResidualNetwork model, string path)
    {
        var report = Read(model, path);
        (string Name, string Text)[] misfits =
        [
            .. report.Missing.Select(name => (name, $"{name} (missing)")),
            .. report.Mismatched.Select(tensor => (tensor.Name, $"{tensor}")),
            .. report.Unexpected.Select(name => (name, $"{name} (unexpected)")),
        ];
        string[] elsewhere = [.. misfits.Where(misfit => !IsClassifiers(misfit.Name)).Select(misfit => misfit.Text)];
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
        return report.StemMismatch is null ? line : $"{line}; they are for another stem: {report.StemMismatch}";
    }

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

    private static bool IsClassifiers(string name) => name.StartsWith("fc.", StringComparison.Ordinal);
}
