using System.Globalization;

namespace ResNet.Core.Weights.Onnx;

/// <summary>An operator of the graph with its inputs and outputs.</summary>
internal sealed class Node(string type, string name, string[] inputNames, string[] outputNames, IReadOnlyList<NodeAttribute> attributes)
{
    /// <summary>The operator, such as <c>Conv</c>, preceded by its domain if that is not ONNX's own.</summary>
    public string Type => type;

    public IReadOnlyList<string> InputNames => inputNames;

    public IReadOnlyList<string> OutputNames => outputNames;

    /// <summary>The inputs; null for an omitted optional input.</summary>
    public IReadOnlyList<Value?> Inputs { get; set; } = [];

    /// <summary>The outputs.</summary>
    public IReadOnlyList<Value> Outputs { get; set; } = [];

    /// <summary>The first output. Networks ignore the others.</summary>
    public Value Output => Outputs[0];

    /// <summary>Whether the model's output depends on this node.</summary>
    public bool IsLive { get; set; }

    /// <summary>Whether the node has a subgraph, as <c>If</c> and <c>Loop</c> do.</summary>
    public bool HasGraph => attributes.Any(attribute => attribute.IsGraph);

    /// <summary>For messages, such as <c>Conv 'layer1.0.conv1'</c>.</summary>
    public override string ToString() => $"{Names.Shorten(type)} '{Names.Shorten(name.Length > 0 ? name : outputNames.FirstOrDefault() ?? "")}'";

    /// <summary>Whether the operator is from another domain or a function of the model.</summary>
    public bool IsForeign => type.Contains('.', StringComparison.Ordinal);

    public NodeAttribute? Find(string attribute) => attributes.FirstOrDefault(known => known.Name == attribute);

    /// <summary>Throws if the node has an attribute that is not one of <paramref name="known"/>.</summary>
    public void ExpectOnly(params ReadOnlySpan<string> known)
    {
        foreach (var attribute in attributes)
            if (!known.Contains(attribute.Name))
                throw Unexpected("no attributes other than " + string.Join(", ", known.ToArray()), $"'{Names.Shorten(attribute.Name)}'");
    }

    /// <summary>The value of an integer attribute, or <paramref name="otherwise"/> if the attribute is omitted.</summary>
    public long GetInt(string attribute, long otherwise) => Find(attribute) switch
    {
        null => otherwise,
        { Int: { } number } => number,
        _ => throw Unexpected($"a whole number as {attribute}", "another value"),
    };

    /// <summary>Throws unless the attribute has the expected value or is omitted.</summary>
    public void Expect(string attribute, long expected)
    {
        if (GetInt(attribute, expected) is var number && number != expected)
            throw Unexpected($"{attribute} {expected}", $"{number}");
    }

    /// <inheritdoc cref="Expect(string, long)"/>
    public void Expect(string attribute, float expected)
    {
        if (Find(attribute) is { } found && found.Float != expected)
            throw Unexpected(string.Create(CultureInfo.InvariantCulture, $"{attribute} {expected}"), found.Float?.ToString(CultureInfo.InvariantCulture) ?? "another value");
    }

    public InvalidDataException Unexpected(string expected, string got) => new($"is an ONNX model with {this}: expected {expected}, got {got}");
}
