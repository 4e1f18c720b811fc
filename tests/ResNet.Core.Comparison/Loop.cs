using System.Diagnostics;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>A loop of predictions without dispose scopes.</summary>
internal static class Loop
{
    public const int Iterations = 30;

    /// <summary>Prints the peak memory of the process in megabytes.</summary>
    public static void Run(string network)
    {
        using var model = Loader.All.Single(loader => loader.Name == network).CreateNetwork("resnet50", 1000);
        model.eval();
        using var inference = inference_mode();
        for (var i = 0; i < Iterations; i++)
            _ = model.call(rand(8, 3, 224, 224)).argmax(1);
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(process.PeakWorkingSet64 / 1_000_000);
    }
}
