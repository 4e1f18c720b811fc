using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module.</summary>
/// <param name="Name">The full name, such as <c>layer2.0.shortcut.0.weight</c>.</param>
/// <param name="TorchvisionName">Torchvision's name, such as <c>layer2.0.downsample.0.weight</c>. Nearly always the same.</param>
/// <param name="Tensor">The tensor.</param>
internal sealed record NamedTensor(string Name, string TorchvisionName, Tensor Tensor);

/// <summary>One of this library's networks in a module.</summary>
/// <param name="Path">The path in the module; empty if the network is the module itself.</param>
/// <param name="Description">The properties of the network.</param>
internal sealed record NamedNetwork(string Path, NetworkDescription Description)
{
    /// <summary>The full name of one of the network's tensors.</summary>
    public string GetFullName(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}

/// <summary>A module's <c>state_dict</c> in PyTorch's order.</summary>
internal static class StateDict
{
    // TorchSharp silently omits disposed tensors from the state_dict. These are the tensors of its layers.
    private static readonly string[] layerTensors = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

    /// <summary>Lists a module's parameters and persistent buffers.</summary>
    /// <remarks>
    /// PyTorch lists each module's parameters and buffers before its children; TorchSharp lists all parameters first, then all buffers. A module that is used
    /// twice has two names in PyTorch, but only one in TorchSharp's <c>Sequential</c>.
    /// </remarks>
    /// <exception cref="ArgumentException">The module has no tensors, or one of them was disposed.</exception>
    public static IReadOnlyList<NamedTensor> Read(nn.Module module)
    {
        var order = new Dictionary<string, int>();
        var torchvisions = new Dictionary<string, string>();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (prefix, torchvisionPrefix, part) in ListModules(module))
        {
            order[prefix] = order.Count;
            torchvisions[prefix] = torchvisionPrefix;
            foreach (var (name, tensor) in part.state_dict())
                tensors.TryAdd(prefix + name, tensor);
        }

        NamedTensor[] state = [.. tensors
            .Select(entry => new NamedTensor(entry.Key, GetTorchvisionName(entry.Key), entry.Value))
            .OrderBy(entry => order.GetValueOrDefault(GetPrefix(entry.Name), int.MaxValue))];
        if (state.Length == 0)
            throw new ArgumentException($"Expected a module with parameters or buffers, got {module.GetType().Name} without any. Was it disposed?", nameof(module));
        foreach (var (prefix, _, part) in ListModules(module))
            foreach (var name in layerTensors)
                if (part.get_parameter(name) is { IsInvalid: true } || part.get_buffer(name) is { IsInvalid: true })
                    throw new ArgumentException($"Expected a module with all of its tensors, got {module.GetType().Name} whose {prefix}{name} was disposed.", nameof(module));
        return state;

        string GetTorchvisionName(string name) => torchvisions.TryGetValue(GetPrefix(name), out var prefix) ? prefix + name[GetPrefix(name).Length..] : name;

        static string GetPrefix(string name) => name[..(name.LastIndexOf('.') + 1)];
    }

    /// <summary>Finds this library's networks in a module, which may be the module itself.</summary>
    public static IReadOnlyList<NamedNetwork> FindNetworks(nn.Module module) =>
        [.. from part in ListModules(module)
            let description = NetworkDescription.FromModule(part.Module)
            where description is not null
            select new NamedNetwork(part.Prefix.TrimEnd('.'), description)];

    /// <summary>Whether a name is that of a batch norm's batch counter, which is int64 in PyTorch regardless of the module's type.</summary>
    public static bool IsBatchCounter(string name) => name == "num_batches_tracked" || name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static IEnumerable<(string Prefix, string TorchvisionPrefix, nn.Module Module)> ListModules(nn.Module module, string prefix = "", string torchvisionPrefix = "") =>
        module.named_children()
            .SelectMany(child => ListModules(child.module, $"{prefix}{child.name}.", $"{torchvisionPrefix}{ShortcutName.ToTorchvision(module, child.name)}."))
            .Prepend((prefix, torchvisionPrefix, module));
}
