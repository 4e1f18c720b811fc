using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks.Gpu;

/// <summary>Measures this library's rows of the table. Prints a line per row: network, workload, and median in milliseconds, separated by tabs.</summary>
internal static class GpuEngine
{
    public const int Batch = 256, Size = 224, WarmUps = 5, Timed = 15;

    public static IReadOnlyList<string> Networks { get; } = ["resnet18", "resnet50"];

    public static ResidualNetwork Create(string name) => name switch
    {
        "resnet18" => new ResNet18(stem: Stem.Conv7MaxPool, device: CUDA),
        "resnet50" => new ResNet50(device: CUDA),
        _ => throw new ArgumentException($"Expected one of {string.Join(", ", Networks)}, got {name}."),
    };

    public static void Run()
    {
        foreach (var name in Networks)
        {
            Train(name, "training step, float32", bfloat16: false);
            Train(name, "training step, bfloat16", bfloat16: true);
            Predict(name, "inference, float32", model => model, ScalarType.Float32);
            Predict(name, "inference, float32, Fuse()", model => model.Fuse(), ScalarType.Float32);
            Predict(name, "inference, bfloat16", model => model, ScalarType.BFloat16);
            Predict(name, "inference, bfloat16, Fuse()", model => model.Fuse(), ScalarType.BFloat16);
        }
    }

    /// <summary>Measures a training step of SGD with momentum; in bfloat16 under <see cref="Autocast"/> and with channels-last.</summary>
    private static void Train(string name, string what, bool bfloat16)
    {
        using var model = Create(name);
        if (bfloat16)
            model.ToMemoryFormat(memory_format.channels_last);
        using var optimizer = new FusedSGD(model.parameters(), lr: 0.01, momentum: 0.9);
        using var images = randn(Batch, 3, Size, Size, device: CUDA).ToMemoryFormat(bfloat16 ? memory_format.channels_last : memory_format.contiguous_format);
        using var labels = randint(0, 1000, [Batch], device: CUDA);

        Measure(name, what, Iterations.AddScope(Iterations.Train(model, optimizer, images, labels, bfloat16)));
    }

    private static void Predict(string name, string what, Func<ResidualNetwork, nn.Module<Tensor, Tensor>> make, ScalarType type)
    {
        using var model = Create(name);
        model.eval();
        model.to(type);
        var format = type == ScalarType.BFloat16 ? memory_format.channels_last : memory_format.contiguous_format;
        using var network = make(model.ToMemoryFormat(format));
        using var images = randn(Batch, 3, Size, Size, device: CUDA).to(type).ToMemoryFormat(format);

        Measure(name, what, Iterations.Predict(network, images));
    }

    /// <param name="name">The network.</param>
    /// <param name="what">The workload.</param>
    /// <param name="iteration">The iteration, which ends by reading a number on the CPU, so that the GPU has finished.</param>
    private static void Measure(string name, string what, Action iteration)
    {
        var milliseconds = new List<double>();
        for (var i = 0; i < WarmUps + Timed; i++)
        {
            var start = Stopwatch.GetTimestamp();
            iteration();
            if (i >= WarmUps)
                milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        Console.WriteLine(FormattableString.Invariant($"{name}\t{what}\t{Statistics.ComputeMedian(milliseconds):f2}"));
    }
}
