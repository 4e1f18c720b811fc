using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Weights;

/// <summary>Replaces a file whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>
    /// Writes beside the file, on the same file system, where a rename is one step; and not before the data is on the disk,
    /// or a power failure could leave the name without it. A link stays one: what it points to is replaced.
    /// </summary>
    /// <remarks>The name beside is always the same, so that a process that is killed leaves no more than one such file, which the next write takes.</remarks>
    public static void Write(string path, Action<Stream> write)
    {
        var file = new FileInfo(path);
        var target = file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        var partial = target + ".partial";
        var handle = File.OpenHandle(partial, FileMode.Create, FileAccess.Write, FileShare.None);
        try
        {
            using (var stream = new FileStream(handle, FileAccess.Write))
                WriteAndFlush(stream, handle, write);
            File.Move(partial, target, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Flushes from the start, beside the writing: the disk has then little left to do at the end.</summary>
    private static void WriteAndFlush(FileStream stream, SafeFileHandle handle, Action<Stream> write)
    {
        using var written = new ManualResetEventSlim();
        var flushing = Task.Run(() =>
        {
            // Not by the stream: to flush it, or only to ask for its handle, writes its buffer, which the other thread is filling.
            while (!written.Wait(millisecondsTimeout: 5))
                RandomAccess.FlushToDisk(handle);
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
