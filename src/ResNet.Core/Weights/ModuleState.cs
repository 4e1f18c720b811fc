using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A tensor of a module under its full name, such as <c>layer1.0.bn1.weight</c>.</summary>
internal sealed record NamedTensor(string Name, Tensor Tensor);

/// <summary>A module's <c>state_dict</c> in PyTorch's order.</summary>
internal static class ModuleState
{
    /// <remarks>
    /// PyTorch lists each module's parameters and buffers before its children; TorchSharp first all parameters, then all buffers.
    /// </remarks>
    /// <exception cref="ArgumentException">There is none, such as that of a disposed module.</exception>
    public static IReadOnlyList<NamedTensor> Of(nn.Module module)
    {
        var order = new Dictionary<string, int>();
        foreach (var prefix in Prefixes(module))
            order[prefix] = order.Count;

        NamedTensor[] state = [.. module.state_dict()
            .Select(entry => new NamedTensor(entry.Key, entry.Value))
            .OrderBy(entry => order.GetValueOrDefault(entry.Name[..(entry.Name.LastIndexOf('.') + 1)], int.MaxValue))];
        if (state.Length == 0)
            throw new ArgumentException($"Expected a module with parameters or buffers, got {module.GetName()} without any. Was it disposed?", nameof(module));
        return state;
    }

    /// <summary>Whether a name is that of a batch normalisation's counter of batches, which PyTorch keeps as int64 whatever the module's type.</summary>
    public static bool IsBatchCounter(string name) => name == "num_batches_tracked" || name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static IEnumerable<string> Prefixes(nn.Module module, string prefix = "") =>
        module.named_children().SelectMany(child => Prefixes(child.module, $"{prefix}{child.name}.")).Prepend(prefix);
}
