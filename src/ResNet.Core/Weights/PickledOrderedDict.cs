namespace ResNet.Core.Weights;

/// <summary>An OrderedDict of a pickle, to which Python can give attributes as to any object.</summary>
internal sealed class PickledOrderedDict() : Dictionary<object, object?>(PickledKeys.Comparer)
{
    public Dictionary<object, object?>? Attributes { get; set; }
}
