namespace ResNet.Core.Weights;

/// <summary>Reading of what a file is known to hold. Where it is not there after all, the file was cut off in between: it is damaged, and no device has failed.</summary>
internal static class FileReading
{
    /// <summary>Fills a buffer.</summary>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public static void ReadAll(this FileStream file, Span<byte> buffer)
    {
        if (file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
            throw EndsAt(file.Position);
    }

    public static InvalidDataException EndsAt(long position) => new($"ends at byte {position:N0}, before what it is said to hold; was it cut off?");
}
