using TorchSharp.PyBridge;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>Loads a weights file into an existing network, or saves it over an existing file.</summary>
internal sealed class WeightsFiles : Table
{
    private const string Ours = "ResNet.Core", PyBridge = "TorchSharp.PyBridge";

    public override string Name => "files";

    public override string Title => "Loading and saving";

    public override string About =>
        "The weights of a ResNet-18 with 1000 classes, 46.8 MB, loaded into a network from a file in the system's cache, and saved to disk. PyTorch runs `torch.load` with `load_state_dict`, and `torch.save` with `fsync`. PyBridge leaves what it writes in the system's cache.";

    public override string[] Rows => ["load .pth", "load .safetensors", "save .pth", "save .safetensors"];

    public override string[] Engines => [Ours, PyBridge];

    public override string Baseline => Ours;

    public override Action Prepare(string row, string engine)
    {
        manual_seed(1);
        var model = new ResNet18();
        var path = $"{engine} {row.Replace(' ', '-')}";
        Checkpoint.Save(model, path);

        // A forward pass first, as in a real program. The C library's allocator then keeps some pages, and all engines start alike.
        using var x = rand(8, 3, 224, 224);
        using var y = model.conv1.call(x);

        return (engine, row) switch
        {
            (Ours, ['l', ..]) => () => Checkpoint.Load(model, path),
            (Ours, _) => () => Checkpoint.Save(model, path),
            (PyBridge, "load .pth") => () => model.load_py(path),
            (PyBridge, "load .safetensors") => () => model.load_safetensors(path),
            (PyBridge, "save .pth") => () => model.save_py(path),
            (PyBridge, "save .safetensors") => () => model.save_safetensors(path),
            _ => throw new ArgumentOutOfRangeException(row),
        };
    }
}
