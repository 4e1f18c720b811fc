namespace ResNet.Core.Files;

/// <summary>Follows symbolic links as the system does when it opens a file.</summary>
internal static class Links
{
    private const int MaxLinks = 40; // Linux's limit

    /// <summary>Resolves a path. The target file need not exist, but its folder must.</summary>
    public static string Follow(string path)
    {
        // .NET resolves a relative link against the unresolved path of its folder, which is wrong if a parent folder is a link too.
        if (OperatingSystem.IsWindows())
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;

        for (var followed = 0; followed <= MaxLinks; followed++)
        {
            var folder = Libc.ResolveFolder(Path.GetDirectoryName(path)!);
            path = Path.Combine(folder, Path.GetFileName(path));
            if (new FileInfo(path).LinkTarget is not { } target)
                return path;
            path = Path.Combine(folder, target);
        }
        throw new IOException("expected a file, got a link that leads to itself.");
    }
}
