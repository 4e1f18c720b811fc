using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>What others call the same tensors.</summary>
internal static class NamesInFile
{
    private const string Averaged = "n_averaged";

    /// <summary>A name in this library's words, of which one differs from torchvision's: for a module of one's own, whose blocks are mirrored like this library's.</summary>
    public static string WithShortcut(string name) => $".{name}".Replace($".{ShortcutName.Torchvision}.", $".{ShortcutName.Own}.", StringComparison.Ordinal)[1..];

    /// <summary>Whether a prefix is that of DataParallel and <c>torch.compile</c>, in any order: nobody calls a part of a network so.</summary>
    public static bool IsWrapper(string prefix) => prefix.Split('.')[..^1].All(part => part is "module" or "_orig_mod");

    /// <summary>Whether a tensor is that in which PyTorch's AveragedModel counts: it stands beside the averaged module, which is called <c>module</c> there.</summary>
    /// <param name="name">The tensor's.</param>
    /// <param name="prefix">What stands before the module's names in the file.</param>
    public static bool CountsAverages(string name, string prefix) =>
        (name == Averaged || name.EndsWith($".{Averaged}", StringComparison.Ordinal)) && prefix.StartsWith($"{name[..^Averaged.Length]}module.", StringComparison.Ordinal);
}
