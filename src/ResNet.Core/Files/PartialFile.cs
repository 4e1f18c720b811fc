namespace ResNet.Core.Files;

/// <summary>
/// The downloaded part of a file, next to its final path. It stays when its writer ends, so that the next one can continue, unless it is empty. It is
/// locked while it is being written; the lock ends with the process.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const int SharingViolation = unchecked((int)0x80070020), WouldBlockOnLinux = 11, WouldBlockOnMac = 35;

    private readonly string _path, _target;

    private PartialFile(string path, string target, FileStream stream) => (_path, _target, Stream) = (path, target, stream);

    /// <summary>The stream, which is unbuffered, so that written data survives a crash of the process.</summary>
    public FileStream Stream { get; }

    /// <param name="target">The final path of the file.</param>
    /// <returns>The partial file; null if another writer has it locked or has just deleted it.</returns>
    /// <exception cref="IOException">The file cannot be created, or something other than a file is there.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not write to the file or its folder.</exception>
    public static PartialFile? TryOpen(string target)
    {
        var path = GetPath(target);
        if (RegularFile.IsOther(path))
            throw new IOException($"{path}: expected a file or nothing, got a link, a folder or a device.");
        try
        {
            // Windows needs Delete for a rename of the open file; on Unix, only None is an exclusive lock.
            var share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, bufferSize: 0);
            if (File.Exists(path) && !(OperatingSystem.IsLinux() && LinuxFile.IsDeleted(stream.SafeFileHandle)))
                return new PartialFile(path, target, stream);
            stream.Dispose(); // on Unix, another writer deleted the empty file after it was opened and before it was locked
            return null;
        }
        catch (IOException e) when (IsInUse(e))
        {
            return null;
        }
    }

    /// <summary>Whether an exception means that a file is in use.</summary>
    public static bool IsInUse(IOException e) => e.HResult is SharingViolation or WouldBlockOnLinux or WouldBlockOnMac;

    /// <summary>Deletes the partial file of a file that is complete.</summary>
    public static void DeleteLeftOver(string target)
    {
        var path = GetPath(target);
        if (File.Exists(path) && !RegularFile.IsOther(path))
            TemporaryFile.DeleteUnlocked(path);
    }

    /// <summary>Flushes the file to disk and renames it to its final path. It stays locked until then, so that nobody else continues writing it.</summary>
    /// <exception cref="IOException">The final path exists by now.</exception>
    public void Move()
    {
        Stream.Flush(flushToDisk: true);
        File.Move(_path, _target, overwrite: false);
    }

    /// <summary>Deletes the file if it is empty, while it is still locked, and closes it.</summary>
    public void Dispose()
    {
        using (Stream)
        {
            try
            {
                if (Stream.Length == 0)
                    File.Delete(_path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The caller needs the original exception instead. The next download tries again.
            }
        }
    }

    /// <summary>The path of the partial file. It differs from the names of <see cref="TemporaryFile"/>, which the next save in the folder deletes.</summary>
    private static string GetPath(string target) => Path.Combine(Path.GetDirectoryName(target)!, $"resnet-core-{Path.GetFileName(target)}.partial");
}
