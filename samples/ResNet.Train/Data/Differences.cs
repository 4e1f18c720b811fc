namespace ResNet.Train;

/// <summary>Says in a line what two lists of names do not have in common.</summary>
internal static class Differences
{
    /// <summary>As many as a line holds.</summary>
    private const int MostNamed = 3;

    /// <returns>Such as <c>2 added (a, b)</c>; null where there are none.</returns>
    public static string? Named(IEnumerable<string> names, string what)
    {
        var all = names.Order(StringComparer.Ordinal).ToArray();
        return all.Length == 0 ? null : $"{all.Length} {what} ({string.Join(", ", all.Take(MostNamed))}{(all.Length > MostNamed ? ", ..." : "")})";
    }

    /// <returns>Null where all are.</returns>
    public static string? Joined(params string?[] differences) =>
        differences.Any(difference => difference is not null) ? string.Join("; ", differences.OfType<string>()) : null;
}
