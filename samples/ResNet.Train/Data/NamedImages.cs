namespace ResNet.Train;

/// <summary>The images that a user names: files, and folders, of which all images at any depth are meant.</summary>
internal sealed class NamedImages
{
    private readonly List<(string? Folder, string[] Files)> _found = [];

    private NamedImages()
    {
    }

    public bool HasFolders => _found.Any(part => part.Folder is not null);

    /// <summary>How many there are, if each file in a folder is one.</summary>
    public int MostCount => _found.Sum(part => part.Files.Length);

    /// <summary>What the program ends with: whether something was wrong.</summary>
    public int Code { get; private set; } = ExitCode.Done;

    /// <param name="paths">Files and folders.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public static NamedImages Find(IReadOnlyList<string> paths, CancellationToken cancellation)
    {
        var images = new NamedImages();
        foreach (var path in paths)
        {
            if (Directory.Exists(path))
                images.List(path, cancellation);
            else
                images._found.Add((null, [path]));
        }
        return images;
    }

    /// <summary>Says what is wrong with an image. The others are still wanted.</summary>
    public void Tell(string problem)
    {
        Console.Error.WriteLine(problem);
        Code = ExitCode.Failed;
    }

    /// <summary>All of its names first, so that a folder that cannot be read is told before anything is made of a part of it.</summary>
    private void List(string folder, CancellationToken cancellation)
    {
        try
        {
            var files = new ImageFiles(root: null);
            _found.Add((folder, [.. files.Of(folder, isForTraining: false).TakeWhile(_ => !cancellation.IsCancellationRequested)]));
            cancellation.ThrowIfCancellationRequested();
            Preparation.Remark(files.Remarks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Tell($"{folder}: cannot be read: {e.Message}");
        }
    }

    /// <summary>
    /// One after the other, in the order in which they were named, and sorted in each folder. What is no image in a folder is
    /// counted there; what cannot be read, or is named itself, is for the decoder to tell.
    /// </summary>
    public IEnumerable<Picture> Images()
    {
        foreach (var (folder, files) in _found)
        {
            if (folder is null)
            {
                yield return new FilePicture(files[0], label: 0);
                continue;
            }
            var (count, others) = (0, new Dictionary<string, (int Count, string First)>());
            foreach (var file in files)
            {
                if (Other(file) is not { } kind)
                {
                    count++;
                    yield return new FilePicture(file, label: 0);
                    continue;
                }
                var (before, first) = others.GetValueOrDefault(kind, (0, file));
                others[kind] = (before + 1, first);
            }
            foreach (var (kind, (passed, first)) in others)
                Preparation.Remark([$"{folder}: passed over {passed} file(s) such as {first}: {kind}"]);
            if (count == 0)
                Tell($"{folder}: expected JPEG, PNG, WebP, GIF or BMP images, found none");
        }
    }

    private static string? Other(string file)
    {
        try
        {
            return FilePicture.DescribeOther(file);
        }
        catch (Exception e) when (e is UserException or IOException)
        {
            return null; // it may be one
        }
    }
}
