namespace ResNet.Train;

/// <summary>Formats the differences of two lists of names in one line.</summary>
internal static class Differences
{
    /// <summary>The number of names that fit a line.</summary>
    private const int MostNamed = 3;

    /// <returns>Text such as <c>2 added (a, b)</c>; null without names.</returns>
    public static string? Format(IEnumerable<string> names, string what)
    {
        var all = names.Order(StringComparer.Ordinal).ToArray();
        return all.Length == 0 ? null : $"{all.Length} {what} ({string.Join(", ", all.Take(MostNamed))}{(all.Length > MostNamed ? ", ..." : "")})";
    }

    /// <returns>The differences in one text; null if all are null.</returns>
    public static string? Join(params string?[] differences) =>
        differences.Any(difference => difference is not null) ? string.Join("; ", differences.OfType<string>()) : null;
}
