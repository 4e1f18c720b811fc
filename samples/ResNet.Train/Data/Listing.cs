namespace ResNet.Train;

/// <summary>Lists folders in the same order on every system, without hidden files and those of systems and tools.</summary>
internal static class Listing
{
    private static readonly HashSet<string> own = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r",
    };

    public static string[] ListFolders(string folder) => Sort(Directory.EnumerateDirectories(folder));

    public static string[] ListFiles(string folder) => Sort(Directory.EnumerateFiles(folder).Where(path => !ExplanationFile.IsExplanation(path)));

    private static string[] Sort(IEnumerable<string> paths) =>
        [.. paths.Where(path => Path.GetFileName(path) is var name && !name.StartsWith('.') && !own.Contains(name)).Order(StringComparer.Ordinal)];
}
