using BenchmarkDotNet.Attributes;

namespace ResNet.Core.Benchmarks;

/// <summary>From a file: in Python into new tensors, or into those that a model already has; here always into the model.</summary>
public class LoadingWeights : Weights
{
    [Benchmark(Baseline = true, Description = "torch.load")]
    public void PythonLoad() => Python("load");

    [Benchmark(Description = "torch.load, into tensors")]
    public void PythonLoadInto() => Python("load_into");

    [Benchmark(Description = "Checkpoint.Load .pth")]
    public LoadReport LoadPth() => Checkpoint.Load(Model, Pth);

    [Benchmark(Description = "Checkpoint.Load .safetensors")]
    public LoadReport LoadSafeTensors() => Checkpoint.Load(Model, SafeTensors);
}
