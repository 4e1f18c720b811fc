namespace ResNet.Train;

/// <summary>Resolves symbolic links in paths, and caches the folders.</summary>
internal sealed class RealPaths
{
    private const int MostLinks = 40; // Linux's limit

    private readonly Dictionary<string, string> _folders = [];

    /// <exception cref="IOException">The links form a circle.</exception>
    public string Resolve(string path) => Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), links: 0);

    private string Follow(string path, int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        if (!_folders.TryGetValue(parent, out var folder))
            _folders[parent] = folder = Follow(parent, links);

        // A link's target is relative to the real folder of the link.
        var real = Path.Combine(folder, Path.GetFileName(path));
        if (new FileInfo(real).LinkTarget is not { } target)
            return real;
        if (links == MostLinks)
            throw new IOException($"More than {MostLinks} links lead from one to the next at '{path}'");
        return Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, folder)), links + 1);
    }
}
