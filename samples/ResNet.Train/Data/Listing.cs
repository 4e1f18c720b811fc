namespace ResNet.Train;

/// <summary>What is in a folder, in the same order on every system, without what is hidden or only a system's or a tool's own.</summary>
internal static class Listing
{
    private static readonly HashSet<string> own = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r",
    };

    public static string[] Folders(string folder) => Sorted(Directory.EnumerateDirectories(folder));

    public static string[] Files(string folder) => Sorted(Directory.EnumerateFiles(folder).Where(path => !ExplanationFile.IsOne(path)));

    private static string[] Sorted(IEnumerable<string> paths) =>
        [.. paths.Where(path => Path.GetFileName(path) is var name && !name.StartsWith('.') && !own.Contains(name)).Order(StringComparer.Ordinal)];
}
