namespace ResNet.Core;

/// <summary>A tensor that has one shape in the module and another in the file.</summary>
public sealed class ShapeMismatch
{
    internal ShapeMismatch(string name, IReadOnlyList<long> expected, IReadOnlyList<long> actual)
    {
        Name = name;
        Expected = expected;
        Actual = actual;
    }

    /// <summary>The name of the tensor in the module.</summary>
    public string Name { get; }

    /// <summary>The shape in the module.</summary>
    public IReadOnlyList<long> Expected { get; }

    /// <summary>The shape in the file.</summary>
    public IReadOnlyList<long> Actual { get; }

    /// <summary>Describes the mismatch, such as <c>fc.weight (expected (10, 512), got (1000, 512))</c>.</summary>
    public override string ToString() => $"{Name} (expected ({string.Join(", ", Expected)}), got ({string.Join(", ", Actual)}))";
}
