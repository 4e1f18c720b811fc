using BenchmarkDotNet.Attributes;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// A ResNet-50 with 1000 classes, three times: torchvision's in Python, TorchVision .NET's, this library's; the same work with the same
/// number of threads. The .NET ones twice: with the dispose scope around each iteration that a user of TorchSharp writes, and without it.
/// </summary>
[WarmupCount(2), IterationCount(10), InvocationCount(1)]
public abstract class ResNet50s
{
    private PythonProcess? python;

    public abstract string Images { get; set; }

    protected nn.Module<Tensor, Tensor> Model { get; private set; } = null!;

    protected Tensor Batch { get; private set; } = null!;

    /// <summary>Python that defines <c>iteration()</c>, the same as <see cref="Iteration"/>, with <c>model</c> and <c>batch</c>.</summary>
    protected abstract string PythonSetup { get; }

    private string Program =>
        $$"""
        import sys, torch, torchvision
        torch.set_num_threads({{get_num_threads()}})
        torch.manual_seed(1)
        model = torchvision.models.resnet50()
        batch = torch.randn({{Images.Replace('x', ',')}})
        {{PythonSetup}}
        for line in sys.stdin:
            iteration()
            print("done", flush=True)
        """;

    [GlobalSetup(Targets = [nameof(TorchVision), nameof(TorchVisionUnscoped)])]
    public void SetupTorchVision() => Setup(torchvision.models.resnet50());

    [GlobalSetup(Targets = [nameof(Core), nameof(CoreUnscoped)])]
    public void SetupCore() => Setup(new ResNet50());

    [GlobalCleanup(Target = nameof(Python))]
    public void Cleanup() => python?.Dispose();

    [Benchmark(Baseline = true, Description = "Python")]
    public void Python() => (python ??= new PythonProcess(Program)).Do("iteration");

    [Benchmark(Description = "TorchVision .NET")]
    public float TorchVision()
    {
        using var scope = NewDisposeScope();
        return Iteration();
    }

    [Benchmark(Description = "ResNet.Core")]
    public float Core()
    {
        using var scope = NewDisposeScope();
        return Iteration();
    }

    [Benchmark(Description = "TorchVision .NET, no scope")]
    public float TorchVisionUnscoped() => Iteration();

    [Benchmark(Description = "ResNet.Core, no scope")]
    public float CoreUnscoped() => Iteration();

    protected virtual void Setup(nn.Module<Tensor, Tensor> network)
    {
        manual_seed(1);
        Model = network;
        Batch = randn([.. Images.Split('x').Select(long.Parse)]);
    }

    protected abstract float Iteration();
}
