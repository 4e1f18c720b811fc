using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>The target of a write: its resolved path and the permissions of the existing file.</summary>
internal sealed class TargetFile
{
    private const UnixFileMode
        Permissions = (UnixFileMode)0b111_111_111,
        AnyWrite = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private readonly LinuxFile? _old;

    private TargetFile(string path, UnixFileMode? mode, LinuxFile? old) => (Path, Mode, _old) = (path, mode, old);

    /// <summary>The path with all links resolved.</summary>
    public string Path { get; }

    public string Folder => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>The permissions of the existing file; null if there is none, and on Windows.</summary>
    public UnixFileMode? Mode { get; }

    /// <summary>Resolves a path and checks that it can be written.</summary>
    /// <exception cref="IOException">The path is invalid, its folder does not exist, or it is not a regular file.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not write to the file, or the path is a folder.</exception>
    public static TargetFile Resolve(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (System.IO.Path.EndsInDirectorySeparator(path) || Directory.Exists(path))
            throw new UnauthorizedAccessException("expected a file, got a folder.");

        var old = OperatingSystem.IsLinux() ? LinuxFile.Find(path, followLink: true) : null;
        if (old is { IsRegular: false })
            throw new IOException("expected a regular file, got a device, a FIFO or a socket.");

        path = Links.Follow(path);
        var target = new TargetFile(path, ReadMode(path), old);
        if (File.Exists(path))
            target.RequireWritable();
        return target;
    }

    /// <summary>
    /// Copies the permissions to another file, including owner and group if this process may set them. If it may not set the group, the other group gets only
    /// the permissions of everybody.
    /// </summary>
    public void CopyPermissionsTo(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows() || Mode is not { } mode)
            return;
        if (_old is not null && !_old.TryCopyGroupTo(file))
            mode = (mode & ~(UnixFileMode)0b000_111_000) | (UnixFileMode)(((int)mode & 0b111) << 3);
        if (File.GetUnixFileMode(file) != mode) // some file systems have one mode for all files
            File.SetUnixFileMode(file, mode);
    }

    private static UnixFileMode? ReadMode(string path) =>
        OperatingSystem.IsWindows() || !File.Exists(path) ? null : File.GetUnixFileMode(path) & Permissions;

    /// <summary>Checks that the file is writable. A rename would only need a writable folder, and root may write to any file.</summary>
    private void RequireWritable()
    {
        if (Mode is { } mode ? (mode & AnyWrite) == 0 : File.GetAttributes(Path).HasFlag(FileAttributes.ReadOnly))
            throw new UnauthorizedAccessException("expected a writable file, got a read-only one.");
        if (!OperatingSystem.IsWindows())
            Libc.RequireWritable(Path);
    }
}
