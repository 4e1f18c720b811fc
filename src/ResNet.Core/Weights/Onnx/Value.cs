namespace ResNet.Core.Weights.Onnx;

/// <summary>A value that nodes compute and read.</summary>
internal sealed class Value
{
    private List<Node>? _consumers;

    /// <summary>The node that computes the value; null for the input and for constants.</summary>
    public Node? Producer { get; init; }

    /// <summary>The tensor in the file, if the value is a constant.</summary>
    public TensorProto? Constant { get; init; }

    /// <summary>Whether the constant is transposed.</summary>
    public bool IsTransposed { get; init; }

    public void AddConsumer(Node node)
    {
        _consumers ??= [];
        if (_consumers.Count == 0 || _consumers[^1] != node) // a node that reads the value twice counts once
            _consumers.Add(node);
    }

    /// <summary>The nodes that read the value and contribute to the model's output.</summary>
    public IEnumerable<Node> Consumers => _consumers?.Where(node => node.IsLive) ?? [];

    /// <summary>The only consumer, if it reads the value as its first input; otherwise null.</summary>
    public Node? Consumer => Consumers.Take(2).ToArray() is [var one] && one.Inputs[0] == this ? one : null;

    /// <summary>The only consumer, if it is an addition of two values; otherwise null.</summary>
    public Node? Addition => Consumers.Take(2).ToArray() is [{ Type: "Add" or "Sum", Inputs: [{ } x, { } y] } add] && x != y ? add : null;
}
