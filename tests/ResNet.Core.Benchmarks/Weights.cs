using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>The weights of a ResNet-18 with 1000 classes, 46.8 MB, in a file that lies in the system's cache.</summary>
public abstract class Weights
{
    private string folder = null!;
    private PythonProcess? python;

    protected ResNet18 Model { get; private set; } = null!;

    protected string Pth => Path.Combine(folder, "model.pth");

    protected string SafeTensors => Path.Combine(folder, "model.safetensors");

    protected void Python(string command) => (python ??= new PythonProcess(Pth)).Do(command, Pth);

    [GlobalSetup]
    public void Setup()
    {
        manual_seed(1);
        folder = Directory.CreateTempSubdirectory("resnet-benchmark-").FullName;
        Model = new ResNet18();
        Checkpoint.Save(Model, Pth);
        Checkpoint.Save(Model, SafeTensors);

        // A program with weights has used them: the C library's allocator then keeps pages at hand, and both sides start alike.
        using var x = rand(8, 3, 224, 224);
        using var y = Model.conv1.call(x);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        python?.Dispose();
        Model.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
