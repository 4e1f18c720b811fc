using BenchmarkDotNet.Attributes;

namespace ResNet.Core.Benchmarks;

/// <summary>To a file that is there already: torch.save leaves the data to the system's cache, here it is on the disk at the end.</summary>
public class SavingWeights : Weights
{
    [Benchmark(Baseline = true, Description = "torch.save")]
    public void PythonSave() => Python("save");

    [Benchmark(Description = "torch.save, fsync")]
    public void PythonSaveFlushed() => Python("save_flushed");

    [Benchmark(Description = "Checkpoint.Save .pth")]
    public void SavePth() => Checkpoint.Save(Model, Pth);

    [Benchmark(Description = "Checkpoint.Save .safetensors")]
    public void SaveSafeTensors() => Checkpoint.Save(Model, SafeTensors);
}
