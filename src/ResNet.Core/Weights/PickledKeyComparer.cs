namespace ResNet.Core.Weights;

/// <summary>
/// Compares dictionary keys. .NET's hash of a 64-bit integer is predictable, so a hostile file could fill a dictionary with colliding keys. This hash is
/// randomized, as .NET's hash of a string is.
/// </summary>
internal sealed class PickledKeyComparer : IEqualityComparer<object>
{
    public static PickledKeyComparer Instance { get; } = new();

    private PickledKeyComparer()
    {
    }

    public new bool Equals(object? x, object? y) => object.Equals(x, y);

    public int GetHashCode(object key) => key switch
    {
        long number => HashCode.Combine((int)number, (int)(number >> 32)),
        double number => GetHashCode(BitConverter.DoubleToInt64Bits(number)),
        _ => key.GetHashCode(),
    };

    /// <summary>Normalizes a key to Python's equality, in which <c>1</c>, <c>1.0</c> and <c>True</c> are the same key.</summary>
    /// <exception cref="InvalidDataException">The key is not hashable in Python.</exception>
    public static object Normalize(object? key) => key switch
    {
        // Longer than any tensor name. A file can reuse one long string as a key many times, and each time it would be hashed to its end.
        string { Length: > MaxLength } => new PickledObject("str"),
        string or long or PickledGlobal or PickledObject or object?[] => key,
        bool flag => flag ? 1L : 0L,
        double number when double.IsInteger(number) && Math.Abs(number) < 1L << 62 => (long)number,
        double number when !double.IsNaN(number) => number,
        null => none,
        List<object?> or Dictionary<object, object?> => throw new InvalidDataException($"has a dictionary with {PickleReader.Describe(key)} as a key, which Python refuses"),
        // Compared by identity: as in Python, tensors are equal only to themselves, and NaN equals nothing.
        _ => new PickledObject(PickleReader.Describe(key)),
    };

    /// <summary>Formats a key for a message.</summary>
    public static string Format(object key) => key is string or long or double ? Names.Shorten($"{key}") : PickleReader.Describe(key);

    private const int MaxLength = 1000;

    private static readonly PickledObject none = new("NoneType");
}
