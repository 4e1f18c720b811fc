namespace ResNet.Core.Benchmarks;

internal static class Document
{
    private const string Heading = "\n## ";

    /// <summary>Replaces the section with the same title, or appends the section.</summary>
    public static void Replace(string path, string section)
    {
        var text = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        var start = $"\n{text}".IndexOf($"\n{section[..(section.IndexOf('\n') + 1)]}", StringComparison.Ordinal);
        if (start < 0)
        {
            File.WriteAllText(path, text.Length == 0 ? section : $"{text}\n{section}");
            return;
        }
        var end = text.IndexOf(Heading, start, StringComparison.Ordinal);
        File.WriteAllText(path, $"{text[..start]}{section}{(end < 0 ? "" : text[end..])}");
    }
}
