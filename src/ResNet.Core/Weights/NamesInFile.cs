namespace ResNet.Core.Weights;

/// <summary>What others call the same tensors.</summary>
internal static class NamesInFile
{
    /// <summary>The wrappers that PyTorch's users save through, which put their own name before every other: DataParallel and <c>torch.compile</c>.</summary>
    private static readonly string[] wrappers = ["module.", "_orig_mod."];

    /// <summary>The keys under which training programs keep a <c>state_dict</c> beside other things.</summary>
    public static IReadOnlyList<string> StateDictKeys { get; } = ["state_dict", "model_state_dict", "model"];

    /// <summary>What stands before every name in the file and is not the module's: nothing, one wrapper or both.</summary>
    public static string Prefix(IEnumerable<string> stored, IReadOnlySet<string> module)
    {
        var prefix = "";
        foreach (var _ in wrappers) // in either order
            prefix += Array.Find(wrappers, IsWrapped);
        return prefix;

        bool IsWrapped(string wrapper) =>
            stored.Any() && stored.All(name => name.StartsWith(prefix + wrapper, StringComparison.Ordinal)) &&
            !module.Any(name => name.StartsWith(wrapper, StringComparison.Ordinal));
    }

    /// <summary>The module's name for a tensor of the file: its own, unless it has another word for one of torchvision's.</summary>
    public static string Target(string name, IReadOnlySet<string> module)
    {
        if (module.Contains(name)) return name;
        var renamed = $".{name}".Replace(".downsample.", ".shortcut.", StringComparison.Ordinal)[1..];
        return module.Contains(renamed) ? renamed : name;
    }
}
