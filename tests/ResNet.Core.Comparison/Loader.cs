using TorchSharp.PyBridge;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>One way to get weights from a file into a network, as each library's documentation shows it.</summary>
/// <param name="Name">Of the library.</param>
/// <param name="Suffixes">Of the files that it is for.</param>
/// <param name="Network">A residual network by torchvision's name, and its number of classes.</param>
/// <param name="Load">The call.</param>
internal sealed record Loader(string Name, string[] Suffixes, Func<string, int, nn.Module<Tensor, Tensor>> Network, Action<nn.Module, string> Load)
{
    public static Loader ResNetCore { get; } = new("ResNet.Core", [".pth", ".safetensors"], Networks.Ours, (module, path) => Checkpoint.Load(module, path));

    /// <summary>It has no networks: TorchVision .NET's have PyTorch's names.</summary>
    public static Loader PyBridge { get; } = new("TorchSharp.PyBridge", [".pth", ".safetensors"], Networks.TorchVision, (module, path) =>
        _ = path.EndsWith(".safetensors", StringComparison.Ordinal) ? module.load_safetensors(path) : module.load_py(path));

    /// <summary>Its networks take a file of TorchSharp's own format, which <c>exportsd.py</c> writes in Python.</summary>
    public static Loader TorchVision { get; } = new("TorchVision .NET", [".dat"], Networks.TorchVision, (module, path) => module.load(path));

    public static Loader[] All { get; } = [ResNetCore, TorchVision, PyBridge];

    /// <summary>Loads a file into a ResNet-18 of ten classes, and prints what came of it: an outcome, the number of tensors that changed, and the error.</summary>
    public void Try(string path)
    {
        using var module = Network("resnet18", 10);
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
