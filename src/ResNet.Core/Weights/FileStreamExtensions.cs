namespace ResNet.Core.Weights;

/// <summary>Reads data that a file must contain. A missing part means a truncated file, not an I/O error.</summary>
internal static class FileStreamExtensions
{
    /// <summary>Fills a buffer.</summary>
    /// <exception cref="InvalidDataException">The file ends before the buffer is full.</exception>
    public static void ReadAll(this FileStream file, Span<byte> buffer)
    {
        if (file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
            throw Truncated(file.Position);
    }

    /// <summary>The exception for a file that ends too early.</summary>
    public static InvalidDataException Truncated(long position) => new($"is truncated at byte {position:N0}");
}
