using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Says what pictures show.</summary>
internal static class PredictJob
{
    private const int Best = 5, BarLength = 40;

    /// <param name="files">The pictures.</param>
    /// <param name="weights">A training's folder, or a file with weights in it; null is the last training in the folder <c>runs</c>.</param>
    /// <param name="deviceName">Where to compute.</param>
    public static int Run(IReadOnlyList<string> files, string? weights, string deviceName)
    {
        var device = Devices.Find(deviceName);
        var (network, model) = NetworkInfo.Load(weights ?? LastRun(), device);
        using var _ = model;
        model.eval();

        var code = ExitCode.Done;
        foreach (var file in files)
        {
            try
            {
                Show(file, Probabilities(new FilePicture(file, label: 0)));
            }
            catch (UserException problem)
            {
                // The others are still wanted.
                Console.Error.WriteLine(problem.Message);
                code = ExitCode.Failed;
            }
        }
        return code;

        float[] Probabilities(Picture picture)
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            using var batch = Batch.Of([picture], network);
            return model.call(batch.To(device)).softmax(1).cpu().data<float>().ToArray();
        }

        void Show(string file, float[] probabilities)
        {
            Console.WriteLine(file);
            var width = network.Classes.Max(name => name.Length);
            foreach (var (probability, name) in probabilities.Zip(network.Classes).OrderByDescending(pair => pair.First).Take(Best))
                Console.WriteLine($"  {name.PadRight(width)}  {100 * probability,5:0.0} %  {new string('█', (int)Math.Round(BarLength * probability))}".TrimEnd());
        }
    }

    private static string LastRun() =>
        (Directory.Exists("runs") ? Directory.EnumerateDirectories("runs") : [])
            .Where(folder => File.Exists(Path.Combine(folder, "model.safetensors")) && File.Exists(Path.Combine(folder, NetworkInfo.FileName)))
            .MaxBy(folder => File.GetLastWriteTimeUtc(Path.Combine(folder, "model.safetensors")))
        ?? throw new UserException("--model: expected the folder of a training, got none, and there is no training in the folder runs");
}
