namespace ResNet.Core.Weights;

/// <summary>Something that Python would import. It is known by name alone.</summary>
internal sealed record PickledGlobal(string Name);

/// <summary>
/// What stands for a Python object that is no number, text, tuple, list, dictionary or tensor: it knows its class by name and
/// nothing more. Nothing was looked up or run for it.
/// </summary>
internal sealed class PickledObject(string type)
{
    /// <summary>The class, such as <c>argparse.Namespace</c>.</summary>
    public string Type { get; } = type;

    /// <summary>Whether it was a whole model: its attributes were those of every <c>torch.nn.Module</c>.</summary>
    public bool IsModule { get; private set; }

    /// <summary>Takes attributes, of which it keeps none.</summary>
    /// <param name="state">A dictionary for nearly every class.</param>
    public void SetState(object? state) =>
        IsModule |= state is Dictionary<object, object?> attributes && attributes.ContainsKey("_parameters") && attributes.ContainsKey("_modules");
}
