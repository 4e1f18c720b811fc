namespace ResNet.Core.Weights;

/// <summary>A name that Python would import. It is never resolved.</summary>
internal sealed class PickledGlobal(string name)
{
    private bool? _isUnsafeCall;

    public string Name { get; } = name;

    /// <inheritdoc cref="PickleGlobals.IsUnsafeCall"/>
    public bool IsUnsafeCall => _isUnsafeCall ??= PickleGlobals.IsUnsafeCall(Name);
}

/// <summary>
/// A Python object that is not a number, string, tuple, list, dictionary or tensor. It holds the name of its class and its state, which may include weights.
/// Nothing was looked up or run to create it.
/// </summary>
internal sealed class PickledObject(string type)
{
    // One field for both, since a file can create a million objects.
    private Dictionary<object, object?>? _content;
    private bool _isAttributes;

    /// <summary>The class, such as <c>argparse.Namespace</c>.</summary>
    public string Type { get; } = type;

    /// <summary>Whether the object is a whole model, recognized by the attributes of <c>torch.nn.Module</c>.</summary>
    public bool IsModule { get; private set; }

    /// <summary>The items, if the class is a dictionary; otherwise null.</summary>
    public Dictionary<object, object?>? Items
    {
        get => _isAttributes ? null : _content;
        set => (_content, _isAttributes) = (value, false);
    }

    /// <summary>The attributes by name; null if there are none, if the object has items, or if it is a whole model.</summary>
    public Dictionary<object, object?>? Attributes => _isAttributes ? _content : null;

    /// <summary>Sets the attributes.</summary>
    /// <param name="state">The state, which is a dictionary for nearly every class.</param>
    public void SetState(object? state)
    {
        if (state is not Dictionary<object, object?> attributes) return;
        IsModule |= attributes.ContainsKey("_parameters") && attributes.ContainsKey("_modules");
        if (Items is null && !IsModule)
            (_content, _isAttributes) = (attributes, true);
    }
}
