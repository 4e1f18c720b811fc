namespace ResNet.Train;

/// <summary>A rank's part of a list: consecutive items, with lengths that differ by at most one between ranks.</summary>
/// <param name="Rank">The rank, from 0.</param>
/// <param name="Count">The number of ranks.</param>
internal sealed record Share(int Rank, int Count)
{
    /// <summary>The share of a single process.</summary>
    public static Share Whole { get; } = new(0, 1);

    /// <param name="length">The list's length.</param>
    public Range FindRange(int length) => (int)((long)length * Rank / Count)..(int)((long)length * (Rank + 1) / Count);

    /// <returns>This rank's part of the list.</returns>
    public T[] Take<T>(IReadOnlyList<T> list)
    {
        var (start, length) = FindRange(list.Count).GetOffsetAndLength(list.Count);
        return [.. list.Skip(start).Take(length)];
    }
}
