using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>The weights of a ResNet-18 with 1000 classes, 46.8 MB, in a file that lies in the system's cache.</summary>
public abstract class Weights
{
    // What is loaded is dropped before the answer, as the other side drops it too.
    private const string Program = """
        import os, sys, torch
        weights = torch.load(sys.argv[1])
        torch.nn.functional.conv2d(torch.rand(8, 3, 224, 224), weights["conv1.weight"], stride=2, padding=3)
        for line in sys.stdin:
            command, path = line.split()
            if command == "load":
                loaded = torch.load(path)
                del loaded
            elif command == "load_into":
                for name, tensor in torch.load(path).items():
                    weights[name].copy_(tensor)
                del tensor
            else:
                torch.save(weights, path)
                if command == "save_flushed":
                    with open(path, "rb+") as file:
                        os.fsync(file.fileno())
            print("done", flush=True)
        """;

    private string folder = null!;
    private PythonProcess? python;

    protected ResNet18 Model { get; private set; } = null!;

    protected string Pth => Path.Combine(folder, "model.pth");

    protected string SafeTensors => Path.Combine(folder, "model.safetensors");

    protected void Python(string command) => (python ??= new PythonProcess(Program, Pth)).Do($"{command} {Pth}");

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
