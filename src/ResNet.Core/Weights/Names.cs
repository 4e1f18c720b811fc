namespace ResNet.Core.Weights;

/// <summary>Names of tensors in messages, of which there can be hundreds.</summary>
internal static class Names
{
    private const int MostListed = 6;
    private const int MostShown = 3;
    private const int MostCharacters = 100;

    /// <summary>The first few, and how many there are beside them.</summary>
    public static string List(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(MostListed).Select(Short)) + (names.Count > MostListed ? $" and {names.Count - MostListed} more" : "");

    /// <summary>What they look like: the first of them, and what all have in front.</summary>
    public static string Alike(IReadOnlyCollection<string> names)
    {
        var common = names.Count > 1 ? CommonPrefix(names) : "";
        var begin = common.Length == 0 ? "" : $" that begin with '{Short(common)}'";
        return $"{names.Count}{begin}, such as {string.Join(", ", names.Take(MostShown).Select(Short))}";
    }

    /// <summary>A name that fits into one line.</summary>
    public static string Short(string name)
    {
        var start = name.Length > MostCharacters ? $"{name[..MostCharacters]}…" : name;
        return start.Any(char.IsControl) ? string.Concat(start.Select(character => char.IsControl(character) ? '?' : character)) : start;
    }

    /// <summary>To its last dot.</summary>
    private static string CommonPrefix(IEnumerable<string> names)
    {
        var common = names.First();
        foreach (var name in names)
            common = common[..common.AsSpan().CommonPrefixLength(name)];
        return common[..(common.LastIndexOf('.') + 1)];
    }
}
