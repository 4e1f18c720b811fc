using System.Globalization;

namespace ResNet.Core.Weights.Onnx;

/// <summary>An operator of the graph, with what goes in and comes out.</summary>
internal sealed class Node(string type, string name, string[] inputNames, string[] outputNames, IReadOnlyList<NodeAttribute> attributes)
{
    /// <summary>Such as <c>Conv</c>; with a domain before it where that is not ONNX's own.</summary>
    public string Type => type;

    public IReadOnlyList<string> InputNames => inputNames;

    public IReadOnlyList<string> OutputNames => outputNames;

    /// <summary>What goes in; null where an optional input is left out.</summary>
    public IReadOnlyList<Value?> Inputs { get; set; } = [];

    /// <summary>What comes out.</summary>
    public IReadOnlyList<Value> Outputs { get; set; } = [];

    /// <summary>What a network goes on with. What else may come out then has no part in the answer.</summary>
    public Value Output => Outputs[0];

    /// <summary>Whether the model's output depends on it.</summary>
    public bool IsLive { get; set; }

    /// <summary>Whether it has a graph of its own, as <c>If</c> and <c>Loop</c> do.</summary>
    public bool HasGraph => attributes.Any(attribute => attribute.IsGraph);

    /// <summary>Such as <c>Conv 'layer1.0.conv1'</c>.</summary>
    public override string ToString() => $"{Names.Short(type)} '{Names.Short(name.Length > 0 ? name : outputNames.FirstOrDefault() ?? "")}'";

    /// <summary>Whether the operator is of another domain than ONNX's own, or a function of the model's.</summary>
    public bool IsForeign => type.Contains('.', StringComparison.Ordinal);

    public NodeAttribute? Find(string attribute) => attributes.FirstOrDefault(known => known.Name == attribute);

    /// <summary>Refuses a setting that is not one of those that are looked at.</summary>
    public void Knows(params ReadOnlySpan<string> known)
    {
        foreach (var attribute in attributes)
            if (!known.Contains(attribute.Name))
                throw Unexpected("no attribute of other names than " + string.Join(", ", known.ToArray()), $"'{Names.Short(attribute.Name)}'");
    }

    /// <summary>A setting that is a whole number, and another one where it is left out.</summary>
    public long Int(string attribute, long otherwise) => Find(attribute) switch
    {
        null => otherwise,
        { Int: { } number } => number,
        _ => throw Unexpected($"a whole number as {attribute}", "another value"),
    };

    /// <summary>Refuses a number other than the expected one, which is the default.</summary>
    public void Expect(string attribute, long expected)
    {
        if (Int(attribute, expected) is var number && number != expected)
            throw Unexpected($"{attribute} {expected}", $"{number}");
    }

    public void Expect(string attribute, float expected)
    {
        if (Find(attribute) is { } found && found.Float != expected)
            throw Unexpected(string.Create(CultureInfo.InvariantCulture, $"{attribute} {expected}"), found.Float?.ToString(CultureInfo.InvariantCulture) ?? "another value");
    }

    public InvalidDataException Unexpected(string expected, string got) => new($"is an ONNX model with {this}: expected {expected}, got {got}");
}
