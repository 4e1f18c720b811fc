namespace ResNet.Train;

/// <summary>Says what pictures show.</summary>
internal static class PredictJob
{
    private const int Best = 5, BarLength = 40;

    /// <param name="files">The pictures.</param>
    /// <param name="model">A training's folder, or a file with a network in it; null is the last training in the folder <c>runs</c>.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="deviceName">Where libtorch computes.</param>
    public static int Run(IReadOnlyList<string> files, string? model, Engine engine, string deviceName)
    {
        using var predictor = Predictor.Load(model ?? LastRun(), engine, deviceName);
        var code = ExitCode.Done;
        foreach (var file in files)
        {
            try
            {
                Show(file, predictor.Probabilities(new FilePicture(file, label: 0)), predictor.Network.Classes);
            }
            catch (UserException problem)
            {
                // The others are still wanted.
                Console.Error.WriteLine(problem.Message);
                code = ExitCode.Failed;
            }
        }
        return code;
    }

    private static void Show(string file, float[] probabilities, IReadOnlyList<string> classes)
    {
        Console.WriteLine(file);
        var width = classes.Max(name => name.Length);
        foreach (var (probability, name) in probabilities.Zip(classes).OrderByDescending(pair => pair.First).Take(Best))
            Console.WriteLine($"  {name.PadRight(width)}  {100 * probability,5:0.0} %  {new string('█', (int)Math.Round(BarLength * probability))}".TrimEnd());
    }

    private static string LastRun() =>
        (Directory.Exists("runs") ? Directory.EnumerateDirectories("runs") : [])
            .Where(folder => File.Exists(Path.Combine(folder, NetworkInfo.WeightsFileName)) && File.Exists(Path.Combine(folder, NetworkInfo.FileName)))
            .MaxBy(folder => File.GetLastWriteTimeUtc(Path.Combine(folder, NetworkInfo.WeightsFileName)))
        ?? throw new UserException("--model: expected the folder of a training, got none, and there is no training in the folder runs");
}
