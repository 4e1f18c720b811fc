namespace ResNet.Train;

/// <summary>Finds the last training run in the folder <c>runs</c>.</summary>
internal static class LastRun
{
    /// <returns>The run's folder. A remark names it, because the user did not.</returns>
    /// <exception cref="UserException">There is none.</exception>
    public static string Find()
    {
        var folder = (Directory.Exists("runs") ? Directory.EnumerateDirectories("runs") : [])
            .Where(folder => File.Exists(Path.Combine(folder, ModelConfig.WeightsFileName)) && File.Exists(Path.Combine(folder, ModelConfig.FileName)))
            .MaxBy(folder => File.GetLastWriteTimeUtc(Path.Combine(folder, ModelConfig.WeightsFileName)))
            ?? throw new UserException("--model: expected the folder of a training run, got none, and there is no training run in the folder runs");
        Preparation.Remark([$"model  {folder} (the last training{DescribeProgress(folder)})"]);
        return folder;
    }

    /// <summary>An interrupted training leaves weights too. The classifier alone is fitted in one go.</summary>
    private static string DescribeProgress(string folder)
    {
        if (!File.Exists(Path.Combine(folder, Settings.FileName)) || Settings.Read(folder, "predict") is not { Train: TrainedLayers.All } settings)
            return "";
        var metrics = Path.Combine(folder, TrainJob.MetricsFile);
        return $", after {(File.Exists(metrics) ? File.ReadLines(metrics).Count() - 1 : 0)} of {Plural.Format(settings.Recipe.Epochs, "epoch")}";
    }
}
