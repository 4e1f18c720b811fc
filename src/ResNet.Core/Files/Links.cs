namespace ResNet.Core.Files;

/// <summary>Symbolic links, followed as the system does when it opens a file.</summary>
internal static class Links
{
    private const int Most = 40; // Linux's limit

    /// <summary>Where a path leads. The last link of a chain may point to a file that is not there yet, but not to a folder that is not.</summary>
    public static string Follow(string path)
    {
        // .NET takes the text of a link for a path beside it, which it is not where a folder on the way is a link too.
        if (OperatingSystem.IsWindows())
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;

        for (var followed = 0; followed <= Most; followed++)
        {
            var folder = Libc.RealFolder(Path.GetDirectoryName(path)!);
            path = Path.Combine(folder, Path.GetFileName(path));
            if (new FileInfo(path).LinkTarget is not { } target)
                return path;
            path = Path.Combine(folder, target);
        }
        throw new IOException("expected a file, got a link that leads to itself.");
    }
}
