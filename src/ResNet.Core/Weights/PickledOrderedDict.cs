namespace ResNet.Core.Weights;

/// <summary>An OrderedDict in a pickle. In Python it can have attributes, as any object can.</summary>
internal sealed class PickledOrderedDict() : Dictionary<object, object?>(PickledKeyComparer.Instance)
{
    public Dictionary<object, object?>? Attributes { get; set; }
}
