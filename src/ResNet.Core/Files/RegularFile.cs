namespace ResNet.Core.Files;

/// <summary>Opens what is to be read, and never waits for it; and tells what is no file.</summary>
internal static class RegularFile
{
    /// <summary>Whether something is there that is not to be written to: a link, a folder, a pipe, a socket or a device.</summary>
    public static bool IsOther(string path) =>
        OperatingSystem.IsLinux() ? LinuxFile.Find(path, followLink: false) is { IsRegular: false } : new FileInfo(path).LinkTarget is not null || Directory.Exists(path);

    /// <exception cref="InvalidDataException">It is a pipe, a socket or a device.</exception>
    /// <exception cref="IOException">It is not there, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    public static FileStream OpenRead(string path)
    {
        if (Directory.Exists(path))
            throw new UnauthorizedAccessException($"{path}: expected a file, got a folder.");
        // Who opens a pipe waits for who writes into it, and no signal ends that.
        if (OperatingSystem.IsLinux() && LinuxFile.Find(path, followLink: true) is { IsRegular: false })
            throw new InvalidDataException($"{path}: is a pipe, a socket or a device, expected a file, which can be read from anywhere");
        return File.OpenRead(path);
    }
}
