using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>
/// A file that is written beside its place. Nobody can foresee its name, and it is made new: a link, a FIFO or a file that lies
/// there is never written to. It is locked as long as it is written, which tells it from what a killed process has left.
/// </summary>
internal sealed partial class TemporaryFile : IDisposable
{
    private const string Prefix = "resnet-core-", Suffix = ".partial";

    /// <summary>Which machine a file is from: on some network file systems no lock is seen on another one.</summary>
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
    private static partial Regex Name();

    /// <param name="folder">The folder that it is to be in.</param>
    /// <param name="mode">Unix: what its owner may do with it; others may nothing. Null: as with every new file.</param>
    public static TemporaryFile Create(string folder, UnixFileMode? mode = null)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.Read | FileShare.Delete, // on Unix a shared lock: it is there right after the rename too, and is to stop no reader
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
                stream.Dispose(); // Unix locks it after it is made: in between somebody took it for abandoned
            }
            catch (IOException) when (attempt < 3)
            {
                // the same, while that one has it locked
            }
        }
    }

    /// <summary>
    /// Deletes what others left in the folder who were killed: what is not locked. A file from another machine, or on a file system
    /// where .NET locks nothing (NFS and SMB), must not have been written to for an hour either.
    /// </summary>
    public void DeleteAbandoned()
    {
        var locksWork = new Lazy<bool>(() => !TryLock(_path, FileOptions.None));
        var hourAgo = DateTime.UtcNow - TimeSpan.FromHours(1);
        try
        {
            foreach (var file in new DirectoryInfo(Path.GetDirectoryName(_path)!).EnumerateFiles($"{Prefix}*"))
            {
                var name = Name().Match(file.Name);
                if (name.Success && file.FullName != _path && !RegularFile.IsOther(file.FullName)
                    && ((name.Groups["host"].Value == host && locksWork.Value) || file.LastWriteTimeUtc < hourAgo))
                    DeleteUnlocked(file.FullName);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder may be writable and not readable. What was to be written can be written all the same.
        }
    }

    /// <summary>Deletes a file that nobody is writing.</summary>
    public static void DeleteUnlocked(string path) => TryLock(path, FileOptions.DeleteOnClose);

    /// <summary>Gives it its name, in place of what has that.</summary>
    public void MoveTo(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            // There nobody can read what somebody else has open for writing: the lock goes over to a handle that reads.
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

    /// <summary>Deletes it if it was not moved.</summary>
    public void Dispose()
    {
        try
        {
            if (!_moved)
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Why it was not moved is worth more to the caller. The next write tries again.
        }
        Handle.Dispose(); // and not the stream, which would write what it still holds
        _lockWhileMoved?.Dispose();
    }

    /// <summary>Whether the file is, for a moment, this process's alone.</summary>
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
