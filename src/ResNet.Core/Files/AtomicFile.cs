using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>Replaces a file atomically.</summary>
internal static class AtomicFile
{
    /// <summary>The number of bytes between flushes, so that slow output is not flushed line by line.</summary>
    private const long FlushInterval = 1 << 20;

    /// <summary>
    /// Writes a <see cref="TemporaryFile"/> in the same folder, where a rename is atomic, and renames it once the data is on disk; otherwise a power failure
    /// could leave the name without the data. Of several concurrent writers the last to finish wins. If the path is a link, its target is replaced. The new
    /// file keeps the old one's permissions.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written, or its folder does not exist. The old file is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not write to the file or its folder, or the path is a folder.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        WriteErrors.IgnoreSizeSignal();
        try
        {
            var target = TargetFile.Resolve(path);
            using var temporary = TemporaryFile.Create(target.Folder, target.Mode);
            temporary.DeleteAbandoned();
            WriteAndFlush(temporary.Stream, temporary.Handle, write);
            target.CopyPermissionsTo(temporary.Handle);
            temporary.MoveTo(target.Path);
        }
        catch (Exception e) when (WriteErrors.Includes(e))
        {
            throw WriteErrors.AddPath(path, e);
        }
    }

    /// <summary>Flushes while writing, so that the disk has little left to do at the end.</summary>
    private static void WriteAndFlush(FileStream stream, SafeFileHandle handle, Action<Stream> write)
    {
        using var written = new ManualResetEventSlim();
        var flushing = Task.Run(() =>
        {
            var flushed = 0L;
            while (!written.Wait(millisecondsTimeout: 5))
            {
                // Not through the stream: flushing it, or even reading its handle, writes the buffer that the other thread is filling.
                var length = RandomAccess.GetLength(handle);
                if (length < flushed + FlushInterval)
                    continue;
                RandomAccess.FlushToDisk(handle);
                flushed = length;
            }
        });
        try
        {
            write(stream);
        }
        finally
        {
            written.Set();
            flushing.GetAwaiter().GetResult();
        }
        stream.Flush(flushToDisk: true);
    }
}
