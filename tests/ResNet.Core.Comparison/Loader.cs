using TorchSharp.PyBridge;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>How a library loads weights from a file into a network, according to its documentation.</summary>
/// <param name="Name">The name of the library.</param>
/// <param name="Suffixes">The suffixes of the files that it loads.</param>
/// <param name="CreateNetwork">Creates a residual network, given torchvision's name of it and the number of classes.</param>
/// <param name="Load">Loads a file into a module.</param>
internal sealed record Loader(string Name, string[] Suffixes, Func<string, int, nn.Module<Tensor, Tensor>> CreateNetwork, Action<nn.Module, string> Load)
{
    public static Loader ResNetCore { get; } = new("ResNet.Core", [".pth", ".safetensors"], Networks.CreateOurs, (module, path) => Checkpoint.Load(module, path));

    /// <summary>PyBridge has no networks. Those of TorchVision .NET have PyTorch's names.</summary>
    public static Loader PyBridge { get; } = new("TorchSharp.PyBridge", [".pth", ".safetensors"], Networks.CreateTorchVision, (module, path) =>
        _ = path.EndsWith(".safetensors", StringComparison.Ordinal) ? module.load_safetensors(path) : module.load_py(path));

    /// <summary>TorchVision .NET loads TorchSharp's own format, which the Python script <c>exportsd.py</c> writes.</summary>
    public static Loader TorchVision { get; } = new("TorchVision .NET", [".dat"], Networks.CreateTorchVision, (module, path) => module.load(path));

    public static Loader[] All { get; } = [ResNetCore, TorchVision, PyBridge];

    /// <summary>Loads a file into a ResNet-18 with ten classes, and prints the outcome, the number of tensors that changed, and the error.</summary>
    public void Try(string path)
    {
        using var module = CreateNetwork("resnet18", 10);
        var before = module.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
        var (outcome, problem) = ("accepted", "");
        try
        {
            Load(module, path);
        }
        catch (Exception e)
        {
            (outcome, problem) = ("refused", $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
        var changed = module.state_dict().Count(entry => !entry.Value.shape.SequenceEqual(before[entry.Key].shape) || !entry.Value.bytes.SequenceEqual(before[entry.Key].bytes));
        Console.WriteLine($"{outcome}|{changed}|{problem}");
    }
}
