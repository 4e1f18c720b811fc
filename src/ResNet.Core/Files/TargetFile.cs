using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>What a path leads to: the place of the file that is to be written, and who may do what with the one that is there.</summary>
internal sealed class TargetFile
{
    private const UnixFileMode
        Permissions = (UnixFileMode)0b111_111_111,
        AnyWrite = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private readonly LinuxFile? _old;

    private TargetFile(string path, UnixFileMode? mode, LinuxFile? old) => (Path, Mode, _old) = (path, mode, old);

    /// <summary>Where it really is, links followed.</summary>
    public string Path { get; }

    public string Folder => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>Null where there is no file yet, and on Windows.</summary>
    public UnixFileMode? Mode { get; }

    /// <exception cref="IOException">There can be no file, its folder is not there, or it is none that may be replaced.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written, or is a folder.</exception>
    public static TargetFile Of(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (System.IO.Path.EndsInDirectorySeparator(path) || Directory.Exists(path))
            throw new UnauthorizedAccessException("expected the path of a file, got that of a folder.");

        var old = OperatingSystem.IsLinux() ? LinuxFile.Find(path, followLink: true) : null;
        if (old is { IsRegular: false })
            throw new IOException("expected a regular file, got a device, a FIFO or a socket.");

        path = Links.Follow(path);
        var target = new TargetFile(path, ModeOf(path), old);
        if (File.Exists(path))
            target.RequireWritable();
        return target;
    }

    /// <summary>
    /// The owner and the group too where this process may set them. Where it may not set the group, another one may do no more
    /// than everybody.
    /// </summary>
    public void GivePermissionsTo(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows() || Mode is not { } mode)
            return;
        if (_old is not null && !_old.TryGiveGroupTo(file))
            mode = (mode & ~(UnixFileMode)0b000_111_000) | (UnixFileMode)(((int)mode & 0b111) << 3);
        if (File.GetUnixFileMode(file) != mode) // file systems with the same for all files know no other
            File.SetUnixFileMode(file, mode);
    }

    private static UnixFileMode? ModeOf(string path) =>
        OperatingSystem.IsWindows() || !File.Exists(path) ? null : File.GetUnixFileMode(path) & Permissions;

    /// <summary>A rename asks for the right to write to the folder alone, and the superuser has every right.</summary>
    private void RequireWritable()
    {
        if (Mode is { } mode ? (mode & AnyWrite) == 0 : File.GetAttributes(Path).HasFlag(FileAttributes.ReadOnly))
            throw new UnauthorizedAccessException("expected a file that may be written, got one that is read-only.");
        if (!OperatingSystem.IsWindows())
            Libc.RequireWritable(Path);
    }
}
