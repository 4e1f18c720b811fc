namespace ResNet.Train;

/// <summary>Lists the files of a dataset's classes, each once, even if several links lead to it.</summary>
internal sealed class ImageFiles
{
    private readonly RealPaths _real = new();
    private readonly Dictionary<string, (string Path, string Class, bool IsForTraining)> _found = [];
    private readonly string[] _aboveSet;

    /// <param name="root">The dataset's folder; null without a dataset.</param>
    public ImageFiles(string? root) => _aboveSet = root is null ? [] : [.. ListParents(_real.Resolve(root)), _real.Resolve(root)];

    /// <summary>Remarks about links that were not followed.</summary>
    public List<string> Remarks { get; } = [];

    /// <summary>Lists every file in a class's folder. Whether a file is an image is decided later, by its content.</summary>
    /// <exception cref="UserException">A file is also in another class, or both in the training part and in another part.</exception>
    public IEnumerable<string> List(string folder, bool isForTraining)
    {
        if (!Directory.Exists(folder))
            yield break;
        var (name, entered, listed) = (Path.GetFileName(folder), new HashSet<string>(), new HashSet<string>());
        string[] above = [.. _aboveSet, .. ListParents(_real.Resolve(folder))];
        foreach (var path in Walk(folder))
        {
            var real = Resolve(path);
            if (!listed.Add(real))
                continue;
            // Validation and test may share images.
            if (_found.TryGetValue(real, out var other) && (other.Class, other.IsForTraining) != (name, isForTraining))
                throw new UserException($"{path}: expected each image in one class and one part of the dataset, got the same file as {other.Path}");
            _found[real] = (path, name, isForTraining);
            yield return path;
        }

        IEnumerable<string> Walk(string from)
        {
            var real = _real.Resolve(from);
            if (above.Contains(real))
                Remarks.Add($"{from}: not followed, because it links to a folder that contains it");
            else if (entered.Add(real))
                foreach (var path in Listing.ListFiles(from).Concat(Listing.ListFolders(from).SelectMany(Walk)))
                    yield return path;
        }
    }

    /// <returns>The real path. For a broken link the path itself, so that the error appears with those of other unreadable files.</returns>
    private string Resolve(string path)
    {
        try
        {
            return _real.Resolve(path);
        }
        catch (IOException)
        {
            return path;
        }
    }

    private static IEnumerable<string> ListParents(string folder)
    {
        for (var above = Path.GetDirectoryName(folder); above is not null; above = Path.GetDirectoryName(above))
            yield return above;
    }
}
