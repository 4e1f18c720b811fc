using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>Replaces a file whole or not at all.</summary>
internal static class AtomicFile
{
    private const PosixSignal FileTooLarge = (PosixSignal)25; // SIGXFSZ, on Linux and macOS

    /// <summary>In bytes: what comes slowly, line by line, is not flushed at every line.</summary>
    private const long FlushedAtOnce = 1 << 20;

    private static PosixSignalRegistration? ignored;

    /// <summary>
    /// Writes a <see cref="TemporaryFile"/> beside the file, on the same file system, where a rename is one step; and renames it
    /// not before the data is on the disk, or a power failure could leave the name without it. Of several that write one file at
    /// the same time the last to finish wins. A link stays one: what it points to is replaced. The new file has the old one's permissions.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written, or its folder is not there. What was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The file or its folder may not be written, or it is a folder.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        IgnoreSizeSignal();
        try
        {
            var target = TargetFile.Of(path);
            using var temporary = TemporaryFile.Create(target.Folder, target.Mode);
            temporary.DeleteAbandoned();
            WriteAndFlush(temporary.Stream, temporary.Handle, write);
            target.GivePermissionsTo(temporary.Handle);
            temporary.MoveTo(target.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw WithPath(path, e);
        }
        catch (ArgumentOutOfRangeException e) when (e.ParamName == "value") // how .NET tells EFBIG
        {
            throw new IOException($"{path}: cannot be written: it would be larger than a file may be here: {e.Message}", e);
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

    /// <summary>A write beyond the size that files may have (<c>ulimit -f</c>) then fails, as in Python; otherwise it ends the process.</summary>
    private static void IgnoreSizeSignal()
    {
        if (!OperatingSystem.IsWindows())
            ignored ??= PosixSignalRegistration.Create(FileTooLarge, context => context.Cancel = true);
    }

    /// <summary>Says which file it is about: the messages of .NET name the temporary one.</summary>
    private static Exception WithPath(string path, Exception e)
    {
        var message = $"{path}: cannot be written: {e.Message}";
        return e switch
        {
            UnauthorizedAccessException => new UnauthorizedAccessException(message, e),
            DirectoryNotFoundException => new DirectoryNotFoundException(message, e),
            _ => new IOException(message, e) { HResult = e.HResult },
        };
    }
}
