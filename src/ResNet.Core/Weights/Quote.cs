using System.Buffers;

namespace ResNet.Core.Weights;

/// <summary>A file's own words in a message: a line at most, however long and whatever they are.</summary>
internal static class Quote
{
    private const int MaxLength = 100;

    private static readonly SearchValues<char> lineBreaks = SearchValues.Create("\r\n\u0085\u2028\u2029");

    /// <summary>Its start, with an ellipsis where it goes on, and without control characters.</summary>
    public static string Short(string text)
    {
        var start = text.Length > MaxLength ? $"{text.AsSpan(0, MaxLength)}…" : text;
        return start.AsSpan().ContainsAny(lineBreaks) || start.Any(char.IsControl)
            ? string.Concat(start.Select(c => char.IsControl(c) || lineBreaks.Contains(c) ? ' ' : c))
            : start;
    }
}
