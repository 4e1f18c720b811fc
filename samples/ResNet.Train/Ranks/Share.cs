namespace ResNet.Train;

/// <summary>The part of a list that is a rank's: as it comes, and of the same length for each, or one longer.</summary>
/// <param name="Rank">From 0.</param>
/// <param name="Count">How many ranks there are.</param>
internal sealed record Share(int Rank, int Count)
{
    /// <summary>Of one process.</summary>
    public static Share Whole { get; } = new(0, 1);

    /// <param name="length">Of the list.</param>
    public Range Of(int length) => (int)((long)length * Rank / Count)..(int)((long)length * (Rank + 1) / Count);

    /// <summary>The part itself.</summary>
    public T[] Of<T>(IReadOnlyList<T> list)
    {
        var (start, length) = Of(list.Count).GetOffsetAndLength(list.Count);
        return [.. list.Skip(start).Take(length)];
    }
}
