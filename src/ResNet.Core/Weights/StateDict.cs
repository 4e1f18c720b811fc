namespace ResNet.Core.Weights;

/// <summary>A dictionary with tensors in a file, of which none is read yet.</summary>
internal abstract class StateDict
{
    /// <summary>In the file's order. What is no tensor is null.</summary>
    public abstract IEnumerable<(string Name, StoredTensor? Tensor)> Entries { get; }

    /// <summary>Where it stands in the file, as Python would write it: <c>['model']</c>. Empty where the file is the dictionary.</summary>
    public abstract string Place { get; }

    /// <summary>What the file says of one of the modules whose tensors it has, or null.</summary>
    /// <param name="module">Its path, such as <c>backbone</c>; empty for the whole.</param>
    /// <param name="key">What is asked for.</param>
    public abstract string? Metadata(string module, string key);

    /// <summary>A line of Python that saves the tensors whose names begin with a prefix, without it, in a file of their own.</summary>
    public string PythonToSave(string prefix) => PythonToSave(dictionary => prefix.Length == 0
        ? dictionary
        : $"{{name[{prefix.Length}:]: tensor for name, tensor in {dictionary}.items() if name.startswith({PythonText.Of(prefix)})}}");

    protected abstract string PythonToSave(Func<string, string> choose);
}
