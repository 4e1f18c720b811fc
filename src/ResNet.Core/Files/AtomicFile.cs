using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>Replaces a file whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>In bytes: what comes slowly, line by line, is not flushed at every line.</summary>
    private const long FlushedAtOnce = 1 << 20;

    /// <summary>
    /// Writes a <see cref="TemporaryFile"/> beside the file, on the same file system, where a rename is one step; and renames it
    /// not before the data is on the disk, or a power failure could leave the name without it. Of several that write one file at
    /// the same time the last to finish wins. A link stays one: what it points to is replaced. The new file has the old one's permissions.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written, or its folder is not there. What was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The file or its folder may not be written, or it is a folder.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        WriteErrors.IgnoreSizeSignal();
        try
        {
            var target = TargetFile.Of(path);
            using var temporary = TemporaryFile.Create(target.Folder, target.Mode);
            temporary.DeleteAbandoned();
            WriteAndFlush(temporary.Stream, temporary.Handle, write);
            target.GivePermissionsTo(temporary.Handle);
            temporary.MoveTo(target.Path);
        }
        catch (Exception e) when (WriteErrors.Includes(e))
        {
            throw WriteErrors.WithPath(path, e);
        }
    }

    /// <summary>Flushes from the start, beside the writing: the disk has then little left to do at the end.</summary>
    private static void WriteAndFlush(FileStream stream, SafeFileHandle handle, Action<Stream> write)
    {
        using var written = new ManualResetEventSlim();
        var flushing = Task.Run(() =>
        {
            var flushed = 0L;
            while (!written.Wait(millisecondsTimeout: 5))
            {
                // Not by the stream: to flush it, or only to ask for its handle, writes its buffer, which the other thread is filling.
                var length = RandomAccess.GetLength(handle);
                if (length < flushed + FlushedAtOnce)
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
