namespace ResNet.Samples;

/// <summary>Formats a count with its noun: 1 image, 2 images.</summary>
public static class Plural
{
    /// <param name="count">The count.</param>
    /// <param name="one">The words after a 1.</param>
    /// <param name="several">The words after any other count; null appends an s.</param>
    public static string Format(int count, string one, string? several = null) => $"{count} {(count == 1 ? one : several ?? $"{one}s")}";
}
