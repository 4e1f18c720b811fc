namespace ResNet.Core.Weights.Onnx;

/// <summary>What goes from node to node.</summary>
internal sealed class Value
{
    private List<Node>? _consumers;

    /// <summary>The node that makes it; null for the input and for constants.</summary>
    public Node? Producer { get; init; }

    /// <summary>The tensor in the file, where it is one.</summary>
    public TensorProto? Constant { get; init; }

    /// <summary>Whether rows and columns of that are exchanged.</summary>
    public bool IsTransposed { get; init; }

    public void AddConsumer(Node node)
    {
        _consumers ??= [];
        if (_consumers.Count == 0 || _consumers[^1] != node) // one that reads it twice is one
            _consumers.Add(node);
    }

    /// <summary>The nodes that read it and have a part in the model's output.</summary>
    public IEnumerable<Node> Consumers => _consumers?.Where(node => node.IsLive) ?? [];

    /// <summary>The one node that reads it, as its first input; null where there are none or several.</summary>
    public Node? Consumer => Consumers.Take(2).ToArray() is [var one] && one.Inputs[0] == this ? one : null;

    /// <summary>The addition that is the one node that reads it; null where there is none.</summary>
    public Node? Addition => Consumers.Take(2).ToArray() is [{ Type: "Add" or "Sum", Inputs: [{ } x, { } y] } add] && x != y ? add : null;
}
