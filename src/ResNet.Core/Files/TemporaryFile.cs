using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>
/// A temporary file in the folder of its final path. Its name is random and the file is always new, so an existing link, FIFO or file is never written to. It is
/// locked while it is written, which distinguishes it from a leftover of a killed process.
/// </summary>
internal sealed partial class TemporaryFile : IDisposable
{
    private const string Prefix = "resnet-core-", Suffix = ".partial";

    /// <summary>Identifies this machine, since locks on some network file systems are not visible to other machines.</summary>
    private static readonly string host = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Environment.MachineName)), 0, 4);

    private readonly string _path;
    private SafeFileHandle? _lockWhileMoved;
    private bool _moved;

    private TemporaryFile(string path, FileStream stream)
    {
        _path = path;
        Stream = stream;
        Handle = stream.SafeFileHandle;
    }

    public FileStream Stream { get; }

    public SafeFileHandle Handle { get; }

    [GeneratedRegex($@"^{Prefix}(?<host>[0-9A-F]{{8}})-[0-9A-F]{{32}}\{Suffix}\z")]
    private static partial Regex GetNameRegex();

    /// <param name="folder">The folder of the file.</param>
    /// <param name="mode">On Unix, the permissions of the owner; others get none. Null for the default of new files.</param>
    public static TemporaryFile Create(string folder, UnixFileMode? mode = null)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.Read | FileShare.Delete, // on Unix a shared lock: it still exists right after the rename, and must not block readers
        };
        if (mode is { } known && !OperatingSystem.IsWindows())
            options.UnixCreateMode = known & (UnixFileMode.UserRead | UnixFileMode.UserWrite);

        for (var attempt = 1; ; attempt++)
        {
            var path = Path.Combine(folder, $"{Prefix}{host}-{RandomNumberGenerator.GetHexString(32)}{Suffix}");
            try
            {
                var stream = new FileStream(path, options);
                if (File.Exists(path))
                    return new TemporaryFile(path, stream);
                stream.Dispose(); // On Unix a file is locked after its creation; in between, another process took it for abandoned
            }
            catch (IOException) when (attempt < 3)
            {
                // the same, while the other process has it locked
            }
        }
    }

    /// <summary>
    /// Deletes the unlocked temporary files that killed processes left in the folder. A file from another machine, or on a file system where .NET does not lock
    /// (NFS and SMB), must also be unmodified for an hour.
    /// </summary>
    public void DeleteAbandoned()
    {
        var locksWork = new Lazy<bool>(() => !TryLock(_path, FileOptions.None));
        var hourAgo = DateTime.UtcNow - TimeSpan.FromHours(1);
        try
        {
            foreach (var file in new DirectoryInfo(Path.GetDirectoryName(_path)!).EnumerateFiles($"{Prefix}*"))
            {
                var name = GetNameRegex().Match(file.Name);
                if (name.Success && file.FullName != _path && !RegularFile.IsOther(file.FullName)
                    && ((name.Groups["host"].Value == host && locksWork.Value) || file.LastWriteTimeUtc < hourAgo))
                    DeleteUnlocked(file.FullName);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder can be writable but not readable. The write itself can still succeed.
        }
    }

    /// <summary>Deletes a file unless it is locked.</summary>
    public static void DeleteUnlocked(string path) => TryLock(path, FileOptions.DeleteOnClose);

    /// <summary>Renames the file to its final path and replaces an existing file.</summary>
    public void MoveTo(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            // On Windows nobody can read a file that is open for writing, so a read handle takes over the lock.
            _lockWhileMoved = File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Stream.Dispose();
        }
        try
        {
            File.Move(_path, path, overwrite: true);
        }
        catch (UnauthorizedAccessException e) when (OperatingSystem.IsWindows())
        {
            throw new IOException($"{e.Message} Another program may have it open.", e);
        }
        _moved = true;
    }

    /// <summary>Deletes the file unless it was moved.</summary>
    public void Dispose()
    {
        try
        {
            if (!_moved)
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The caller needs the original exception instead. The next write tries again.
        }
        Handle.Dispose(); // not the stream, which would write its buffer
        _lockWhileMoved?.Dispose();
    }

    /// <summary>Whether the file can be locked exclusively. The lock is released at once.</summary>
    private static bool TryLock(string path, FileOptions options)
    {
        try
        {
            using var _ = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, options);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
