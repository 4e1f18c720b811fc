namespace ResNet.Core.Files;

/// <summary>
/// What is there of a file that comes piece by piece, beside its place. It stays when its writer goes, for the next one to go on with. It is locked
/// as long as somebody writes it; the system ends the lock of a process that ends.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const int SharingViolation = unchecked((int)0x80070020), WouldBlockOnLinux = 11, WouldBlockOnMac = 35;

    private readonly string _path, _target;

    private PartialFile(string path, string target, FileStream stream) => (_path, _target, Stream) = (path, target, stream);

    /// <summary>Without a buffer: what was written is there whatever happens.</summary>
    public FileStream Stream { get; }

    /// <param name="target">The place of the whole file.</param>
    /// <returns>Null where somebody is writing it.</returns>
    /// <exception cref="IOException">It cannot be made, or what lies there is no file.</exception>
    /// <exception cref="UnauthorizedAccessException">It, or its folder, may not be written.</exception>
    public static PartialFile? TryOpen(string target)
    {
        var path = PathFor(target);
        if (RegularFile.IsOther(path))
            throw new IOException($"{path}: expected a file or nothing, got a link, a folder or a device.");
        try
        {
            // To be renamed while it is open, Windows has to be told; on Unix only None is a lock that excludes others.
            var share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;
            return new PartialFile(path, target, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, bufferSize: 0));
        }
        catch (IOException e) when (IsInUse(e))
        {
            return null;
        }
    }

    /// <summary>Whether it says that somebody else has a file open.</summary>
    public static bool IsInUse(IOException e) => e.HResult is SharingViolation or WouldBlockOnLinux or WouldBlockOnMac;

    /// <summary>Deletes what is left of it, where the whole file is there.</summary>
    public static void DeleteLeftOver(string target)
    {
        var path = PathFor(target);
        if (File.Exists(path) && !RegularFile.IsOther(path))
            TemporaryFile.DeleteUnlocked(path);
    }

    /// <summary>Gives it the name of the whole file, when all of it is on the disk. It stays locked until then: nobody else goes on writing it.</summary>
    /// <exception cref="IOException">There is a file of that name by now.</exception>
    public void Move()
    {
        Stream.Flush(flushToDisk: true);
        File.Move(_path, _target, overwrite: false);
    }

    public void Dispose() => Stream.Dispose();

    /// <summary>Another name than those of <see cref="TemporaryFile"/>, which the next save in the folder deletes.</summary>
    private static string PathFor(string target) => Path.Combine(Path.GetDirectoryName(target)!, $"resnet-core-{Path.GetFileName(target)}.partial");
}
