namespace ResNet.Core.Weights;

/// <summary>Something that Python would import. It is known by name alone.</summary>
internal sealed class PickledGlobal(string name)
{
    private bool? _actsWhenCalled;

    public string Name { get; } = name;

    /// <inheritdoc cref="PickledNames.ActsWhenCalled"/>
    public bool ActsWhenCalled => _actsWhenCalled ??= PickledNames.ActsWhenCalled(Name);
}

/// <summary>
/// What stands for a Python object that is no number, text, tuple, list, dictionary or tensor: it knows its class by name and
/// what it was given, among which weights may be. Nothing was looked up or run for it.
/// </summary>
internal sealed class PickledObject(string type)
{
    // One place for both: a file can make a million of them.
    private Dictionary<object, object?>? _content;
    private bool _isAttributes;

    /// <summary>The class, such as <c>argparse.Namespace</c>.</summary>
    public string Type { get; } = type;

    /// <summary>Whether it was a whole model: its attributes were those of every <c>torch.nn.Module</c>.</summary>
    public bool IsModule { get; private set; }

    /// <summary>What is in it where its class is a dictionary; else null.</summary>
    public Dictionary<object, object?>? Items
    {
        get => _isAttributes ? null : _content;
        set => (_content, _isAttributes) = (value, false);
    }

    /// <summary>Its attributes by their names; null where it has none, has items, or is a whole model.</summary>
    public Dictionary<object, object?>? Attributes => _isAttributes ? _content : null;

    /// <summary>Takes attributes.</summary>
    /// <param name="state">A dictionary for nearly every class.</param>
    public void SetState(object? state)
    {
        if (state is not Dictionary<object, object?> attributes) return;
        IsModule |= attributes.ContainsKey("_parameters") && attributes.ContainsKey("_modules");
        if (Items is null && !IsModule)
            (_content, _isAttributes) = (attributes, true);
    }
}
