namespace ResNet.Core.Weights;

/// <summary>
/// Keys of dictionaries. .NET folds the halves of a whole number into its hash, so a file could hold as many keys of one hash as it likes,
/// and each would be compared with all before it; text has a hash that a file cannot know.
/// </summary>
internal sealed class PickledKeys : IEqualityComparer<object>
{
    public static PickledKeys Comparer { get; } = new();

    private PickledKeys()
    {
    }

    public new bool Equals(object? x, object? y) => object.Equals(x, y);

    public int GetHashCode(object key) => key switch
    {
        long number => HashCode.Combine((int)number, (int)(number >> 32)),
        double number => GetHashCode(BitConverter.DoubleToInt64Bits(number)),
        _ => key.GetHashCode(),
    };

    /// <summary>The key as Python compares it, where <c>1</c>, <c>1.0</c> and <c>True</c> are one.</summary>
    /// <exception cref="InvalidDataException">Python has no such keys.</exception>
    public static object Of(object? key) => key switch
    {
        // No tensor is called so. Each time that it is a key it would be hashed to its end, and a text can be used again and again.
        string { Length: > MaxLength } => new PickledObject("str"),
        string or long or PickledGlobal or PickledObject or object?[] => key,
        bool flag => flag ? 1L : 0L,
        double number when double.IsInteger(number) && Math.Abs(number) < 1L << 62 => (long)number,
        double number when !double.IsNaN(number) => number,
        null => none,
        List<object?> or Dictionary<object, object?> => throw new InvalidDataException($"has a dictionary with {PickleReader.Describe(key)} for a key, which Python refuses"),
        // Compared by identity: as in Python, one tensor is not another of the same numbers, and NaN is not NaN.
        _ => new PickledObject(PickleReader.Describe(key)),
    };

    /// <summary>A key in a message.</summary>
    public static string Text(object key) => key is string or long or double ? Names.Short($"{key}") : PickleReader.Describe(key);

    private const int MaxLength = 1000;

    private static readonly PickledObject none = new("NoneType");
}
