using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>The checksum of zip archives, which <see cref="ZipArchive"/> writes but does not verify.</summary>
internal static class Crc32
{
    /// <param name="name">The name of the data, for the message.</param>
    /// <param name="expected">The expected checksum.</param>
    /// <param name="write">Writes the data to a stream.</param>
    /// <exception cref="InvalidDataException">The checksum differs.</exception>
    public static void Check(string name, uint expected, Action<Stream> write)
    {
        if (Compute(write) is var actual && actual != expected)
            throw new InvalidDataException($"is damaged: the checksum of '{Names.Shorten(name)}' is {actual:X8}, expected {expected:X8}");
    }

    /// <remarks>.NET's fast implementation is only reachable through <see cref="ZipArchive"/>, so this method writes an archive to a null stream.</remarks>
    private static uint Compute(Action<Stream> write)
    {
        using var archive = new ZipArchive(Stream.Null, ZipArchiveMode.Create);
        var entry = archive.CreateEntry("checksum", CompressionLevel.NoCompression);
        using (var stream = entry.Open())
            write(stream);
        return entry.Crc32;
    }
}
