using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module.</summary>
/// <param name="Name">Its full name, such as <c>layer2.0.shortcut.0.weight</c>.</param>
/// <param name="TorchvisionsName">What torchvision calls it: <c>layer2.0.downsample.0.weight</c>. The same for nearly all.</param>
/// <param name="Tensor">The tensor.</param>
internal sealed record NamedTensor(string Name, string TorchvisionsName, Tensor Tensor);

/// <summary>One of this library's networks in a module.</summary>
/// <param name="Path">Empty where it is the module itself.</param>
/// <param name="Description">What it is.</param>
internal sealed record NamedNetwork(string Path, NetworkDescription Description)
{
    /// <summary>The full name of one of its tensors.</summary>
    public string FullName(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}

/// <summary>A module's <c>state_dict</c> in PyTorch's order.</summary>
internal static class ModuleState
{
    // TorchSharp leaves a tensor that was disposed out of the state_dict, and does not tell. These are its layers' own.
    private static readonly string[] layersTensors = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

    /// <remarks>
    /// PyTorch lists each module's parameters and buffers before its children; TorchSharp first all parameters, then all buffers. And a module
    /// that is there twice has two names in PyTorch, in TorchSharp's Sequential one.
    /// </remarks>
    /// <exception cref="ArgumentException">There is none, such as that of a disposed module, or a part was disposed.</exception>
    public static IReadOnlyList<NamedTensor> Of(nn.Module module)
    {
        var order = new Dictionary<string, int>();
        var torchvisions = new Dictionary<string, string>();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (prefix, torchvisionsPrefix, part) in Modules(module))
        {
            order[prefix] = order.Count;
            torchvisions[prefix] = torchvisionsPrefix;
            foreach (var (name, tensor) in part.state_dict())
                tensors.TryAdd(prefix + name, tensor);
        }

        NamedTensor[] state = [.. tensors
            .Select(entry => new NamedTensor(entry.Key, TorchvisionsName(entry.Key), entry.Value))
            .OrderBy(entry => order.GetValueOrDefault(Prefix(entry.Name), int.MaxValue))];
        if (state.Length == 0)
            throw new ArgumentException($"Expected a module with parameters or buffers, got {module.GetType().Name} without any. Was it disposed?", nameof(module));
        foreach (var (prefix, _, part) in Modules(module))
            foreach (var name in layersTensors)
                if (part.get_parameter(name) is { IsInvalid: true } || part.get_buffer(name) is { IsInvalid: true })
                    throw new ArgumentException($"Expected a module with all of its tensors, got {module.GetType().Name} whose {prefix}{name} was disposed.", nameof(module));
        return state;

        string TorchvisionsName(string name) => torchvisions.TryGetValue(Prefix(name), out var prefix) ? prefix + name[Prefix(name).Length..] : name;

        static string Prefix(string name) => name[..(name.LastIndexOf('.') + 1)];
    }

    /// <summary>This library's networks in a module, or the module itself.</summary>
    public static IReadOnlyList<NamedNetwork> Networks(nn.Module module) =>
        [.. from part in Modules(module)
            let description = NetworkDescription.Of(part.Module)
            where description is not null
            select new NamedNetwork(part.Prefix.TrimEnd('.'), description)];

    /// <summary>Whether a name is that of a batch norm's counter of batches, which PyTorch keeps as int64 whatever the module's type.</summary>
    public static bool IsBatchCounter(string name) => name == "num_batches_tracked" || name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static IEnumerable<(string Prefix, string TorchvisionsPrefix, nn.Module Module)> Modules(nn.Module module, string prefix = "", string torchvisionsPrefix = "") =>
        module.named_children()
            .SelectMany(child => Modules(child.module, $"{prefix}{child.name}.", $"{torchvisionsPrefix}{ShortcutName.InTorchvision(module, child.name)}."))
            .Prepend((prefix, torchvisionsPrefix, module));
}
