namespace ResNet.Core.Weights;

/// <summary>Formats the names of tensors for messages.</summary>
internal static class Names
{
    private const int MaxListed = 6;
    private const int MaxShown = 3;
    private const int MaxCharacters = 100;

    /// <summary>Lists the first few names and the number of the others.</summary>
    public static string Join(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(MaxListed).Select(Shorten)) + (names.Count > MaxListed ? $" and {names.Count - MaxListed} more" : "");

    /// <summary>Describes many names by their number, their common prefix and the first few.</summary>
    public static string Summarize(IReadOnlyCollection<string> names)
    {
        var common = names.Count > 1 ? FindCommonPrefix(names) : "";
        var begin = common.Length == 0 ? "" : $" that begin with '{Shorten(common)}'";
        return $"{names.Count}{begin}, such as {string.Join(", ", names.Take(MaxShown).Select(Shorten))}";
    }

    /// <summary>Shortens a name to fit on one line, without control characters.</summary>
    public static string Shorten(string name)
    {
        var start = name.Length > MaxCharacters ? $"{name[..MaxCharacters]}…" : name;
        return start.Any(char.IsControl) ? string.Concat(start.Select(character => char.IsControl(character) ? '?' : character)) : start;
    }

    /// <summary>The common prefix up to its last dot.</summary>
    private static string FindCommonPrefix(IEnumerable<string> names)
    {
        var common = names.First();
        foreach (var name in names)
            common = common[..common.AsSpan().CommonPrefixLength(name)];
        return common[..(common.LastIndexOf('.') + 1)];
    }
}
