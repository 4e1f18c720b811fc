namespace ResNet.Train;

/// <summary>Where files really are, whatever links lead there. Keeps the folders that it has met.</summary>
internal sealed class RealPaths
{
    private const int MostLinks = 40; // as many as Linux follows

    private readonly Dictionary<string, string> _folders = [];

    /// <exception cref="IOException">The links lead in a circle.</exception>
    public string Of(string path) => Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), links: 0);

    private string Follow(string path, int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        if (!_folders.TryGetValue(parent, out var folder))
            _folders[parent] = folder = Follow(parent, links);

        // A link says where it leads from the folder in which it really lies.
        var real = Path.Combine(folder, Path.GetFileName(path));
        if (new FileInfo(real).LinkTarget is not { } target)
            return real;
        if (links == MostLinks)
            throw new IOException($"More than {MostLinks} links lead from one to the next at '{path}'");
        return Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, folder)), links + 1);
    }
}
