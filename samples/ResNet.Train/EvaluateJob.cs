using ResNet.Core;

namespace ResNet.Train;

/// <summary>Tests a network that was trained before.</summary>
internal static class EvaluateJob
{
    /// <param name="weights">A file, or the folder of a training.</param>
    /// <param name="folder">With the pictures.</param>
    /// <param name="deviceName">Where to compute.</param>
    public static int Run(string weights, string folder, string deviceName)
    {
        using var interruption = new Interruption();
        var data = FashionMnist.Load(folder);
        var device = Devices.Find(deviceName);
        using var model = new ResNet18(FashionMnist.Classes.Count, device: device);
        Load(model, Directory.Exists(weights) ? Path.Combine(weights, "model.safetensors") : weights);

        try
        {
            var test = Evaluation.Of(model, data.Test, [.. Enumerable.Range(0, data.Test.Count)], device, interruption.Token);
            Console.WriteLine($"test accuracy {test.Accuracy:0.000}: {test.Correct} of {test.Count} images, loss {test.Loss:0.000}");
            for (var i = 0; i < FashionMnist.Classes.Count; i++)
                Console.WriteLine($"{FashionMnist.Classes[i],-10} {test.Confusion[i, i],5} of {Enumerable.Range(0, FashionMnist.Classes.Count).Sum(j => test.Confusion[i, j])}");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private static void Load(ResNet18 model, string path)
    {
        try
        {
            Checkpoint.Load(model, path);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"evaluate: {e.Message}");
        }
    }
}
