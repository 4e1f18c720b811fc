using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>The names that other programs give to a module's tensors.</summary>
internal static class StateDictKeys
{
    private const string Averaged = "n_averaged";

    /// <summary>Replaces torchvision's <c>downsample</c> with <c>shortcut</c>, for user-defined modules whose blocks are named like this library's.</summary>
    public static string RenameDownsample(string name) => $".{name}".Replace($".{ShortcutName.Torchvision}.", $".{ShortcutName.Own}.", StringComparison.Ordinal)[1..];

    /// <summary>Whether a prefix consists of those that <c>DataParallel</c> and <c>torch.compile</c> add, in any order.</summary>
    public static bool IsWrapperPrefix(string prefix) => prefix.Split('.')[..^1].All(part => part is "module" or "_orig_mod");

    /// <summary>Whether a tensor is the counter of PyTorch's <c>AveragedModel</c>, a sibling of the averaged <c>module</c>.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="prefix">The prefix of the module's names in the file.</param>
    public static bool IsAverageCounter(string name, string prefix) =>
        (name == Averaged || name.EndsWith($".{Averaged}", StringComparison.Ordinal)) && prefix.StartsWith($"{name[..^Averaged.Length]}module.", StringComparison.Ordinal);
}
