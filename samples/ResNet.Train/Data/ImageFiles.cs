namespace ResNet.Train;

/// <summary>Finds the files of a set's classes, each once, whatever links lead to it.</summary>
internal sealed class ImageFiles
{
    private readonly RealPaths _real = new();
    private readonly Dictionary<string, (string Path, string Class, bool IsForTraining)> _found = [];
    private readonly string[] _aboveSet;

    /// <param name="root">The set's folder; null where there is no set.</param>
    public ImageFiles(string? root) => _aboveSet = root is null ? [] : [.. Above(_real.Of(root)), _real.Of(root)];

    /// <summary>Links that were not followed.</summary>
    public List<string> Remarks { get; } = [];

    /// <summary>Every file in a class's folder: what is no image is told later, by its content and not by its name.</summary>
    /// <exception cref="UserException">A file is in another class, or in the training's and in another part, as well.</exception>
    public IEnumerable<string> Of(string folder, bool isForTraining)
    {
        if (!Directory.Exists(folder))
            yield break;
        var (name, entered, listed) = (Path.GetFileName(folder), new HashSet<string>(), new HashSet<string>());
        string[] above = [.. _aboveSet, .. Above(_real.Of(folder))];
        foreach (var path in Walk(folder))
        {
            var real = Real(path);
            if (!listed.Add(real))
                continue;
            // Validation and test may be the same.
            if (_found.TryGetValue(real, out var other) && (other.Class, other.IsForTraining) != (name, isForTraining))
                throw new UserException($"{path}: expected each image in one class and one part of the set, got the same file as {other.Path}");
            _found[real] = (path, name, isForTraining);
            yield return path;
        }

        IEnumerable<string> Walk(string from)
        {
            var real = _real.Of(from);
            if (above.Contains(real))
                Remarks.Add($"{from}: not followed, being a link to a folder that it lies in");
            else if (entered.Add(real))
                foreach (var path in Listing.Files(from).Concat(Listing.Folders(from).SelectMany(Walk)))
                    yield return path;
        }
    }

    /// <summary>Of what leads nowhere, where it lies: that it cannot be read is told with the others that cannot.</summary>
    private string Real(string path)
    {
        try
        {
            return _real.Of(path);
        }
        catch (IOException)
        {
            return path;
        }
    }

    private static IEnumerable<string> Above(string folder)
    {
        for (var above = Path.GetDirectoryName(folder); above is not null; above = Path.GetDirectoryName(above))
            yield return above;
    }
}
