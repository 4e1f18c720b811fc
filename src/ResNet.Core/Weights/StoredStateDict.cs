namespace ResNet.Core.Weights;

/// <summary>A dictionary of tensors in a file. The tensors are not read yet.</summary>
internal abstract class StoredStateDict
{
    /// <summary>The entries in the file's order. The tensor is null if the entry is something else.</summary>
    public abstract IEnumerable<(string Name, StoredTensor? Tensor)> Entries { get; }

    /// <summary>The place in the file as a Python expression, such as <c>['model']</c>; empty if the file is the dictionary.</summary>
    public abstract string Place { get; }

    /// <summary>A metadata entry of a module in the file; null if there is none.</summary>
    /// <param name="module">The path of the module, such as <c>backbone</c>; empty for the root.</param>
    /// <param name="key">The key of the entry.</param>
    public abstract string? FindMetadata(string module, string key);

    /// <summary>A line of Python that saves the tensors with a prefix to a separate file, without the prefix.</summary>
    public string FormatPythonToSave(string prefix) => FormatPythonToSave(dictionary => prefix.Length == 0
        ? dictionary
        : $"{{name[{prefix.Length}:]: tensor for name, tensor in {dictionary}.items() if name.startswith({PythonLiteral.Format(prefix)})}}");

    protected abstract string FormatPythonToSave(Func<string, string> choose);
}
