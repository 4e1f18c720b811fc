namespace ResNet.Core.Files;

/// <summary>Opens regular files only, since opening a pipe could block forever.</summary>
internal static class RegularFile
{
    /// <summary>Whether the path exists and is not a regular file: a link, a folder, a pipe, a socket or a device.</summary>
    public static bool IsOther(string path) =>
        OperatingSystem.IsLinux() ? LinuxFile.Find(path, followLink: false) is { IsRegular: false } : new FileInfo(path).LinkTarget is not null || Directory.Exists(path);

    /// <summary>Opens a regular file for reading.</summary>
    /// <exception cref="InvalidDataException">The path is a pipe, a socket or a device.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not read the file, or the path is a folder.</exception>
    public static FileStream OpenRead(string path)
    {
        if (Directory.Exists(path))
            throw new UnauthorizedAccessException($"{path}: expected a file, got a folder.");
        // Opening a pipe blocks until someone writes to it, and no signal interrupts that.
        if (OperatingSystem.IsLinux() && LinuxFile.Find(path, followLink: true) is { IsRegular: false })
            throw new InvalidDataException($"{path}: is a pipe, a socket or a device, expected a regular file");
        return File.OpenRead(path);
    }
}
