namespace ResNet.Train;

/// <summary>The images that a user names: files, and folders with all their images at any depth.</summary>
internal sealed class NamedImages
{
    private readonly List<(string? Folder, string[] Files)> _found = [];

    private NamedImages()
    {
    }

    public bool HasFolders => _found.Any(part => part.Folder is not null);

    /// <summary>The number of images if every file in the folders is one.</summary>
    public int MostCount => _found.Sum(part => part.Files.Length);

    /// <summary>The program's exit code, which tells whether there was a problem.</summary>
    public int Code { get; private set; } = ExitCode.Done;

    /// <param name="paths">Files and folders.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
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

    /// <summary>Reports a problem with an image and continues with the others.</summary>
    public void Report(string problem)
    {
        Console.Error.WriteLine(problem);
        Code = ExitCode.Failed;
    }

    /// <summary>Lists all names first, so that an unreadable folder is reported before any of its images is processed.</summary>
    private void List(string folder, CancellationToken cancellation)
    {
        try
        {
            var files = new ImageFiles(root: null);
            _found.Add((folder, [.. files.List(folder, isForTraining: false).TakeWhile(_ => !cancellation.IsCancellationRequested)]));
            cancellation.ThrowIfCancellationRequested();
            Preparation.Remark(files.Remarks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Report($"{folder}: cannot be read: {e.Message}");
        }
    }

    /// <summary>
    /// Yields the images in the order of the names, sorted within each folder. Files of other formats in a folder are skipped
    /// and counted; unreadable files, and files named directly, reach the decoder, which reports them.
    /// </summary>
    public IEnumerable<Image> Enumerate()
    {
        foreach (var (folder, files) in _found)
        {
            if (folder is null)
            {
                yield return new FileImage(files[0], label: 0);
                continue;
            }
            var (count, others) = (0, new Dictionary<string, (int Count, string First)>());
            foreach (var file in files)
            {
                if (DescribeOther(file) is not { } kind)
                {
                    count++;
                    yield return new FileImage(file, label: 0);
                    continue;
                }
                var (before, first) = others.GetValueOrDefault(kind, (0, file));
                others[kind] = (before + 1, first);
            }
            foreach (var (kind, (skipped, first)) in others)
                Preparation.Remark([$"{folder}: skipped {Plural.Format(skipped, "file")} such as {first}: {kind}"]);
            if (count == 0)
                Report($"{folder}: expected JPEG, PNG, WebP, GIF or BMP images, found none");
        }
    }

    private static string? DescribeOther(string file)
    {
        try
        {
            return FileImage.DescribeOther(file);
        }
        catch (Exception e) when (e is UserException or IOException)
        {
            return null; // it may be an image
        }
    }
}
