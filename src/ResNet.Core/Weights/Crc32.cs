using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>The checksum of zip archives, which <see cref="ZipArchive"/> writes and does not check.</summary>
internal static class Crc32
{
    /// <param name="name">What is checked.</param>
    /// <param name="expected">Its checksum.</param>
    /// <param name="write">Writes it to a stream.</param>
    /// <exception cref="InvalidDataException">It has another checksum.</exception>
    public static void Check(string name, uint expected, Action<Stream> write)
    {
        if (Of(write) is var actual && actual != expected)
            throw new InvalidDataException($"is damaged: the checksum of '{Names.Short(name)}' is {actual:X8}, expected {expected:X8}");
    }

    /// <remarks>The base library has it, and fast, but inside <see cref="ZipArchive"/> alone: so an archive is written to nowhere.</remarks>
    private static uint Of(Action<Stream> write)
    {
        using var archive = new ZipArchive(Stream.Null, ZipArchiveMode.Create);
        var entry = archive.CreateEntry("checksum", CompressionLevel.NoCompression);
        using (var stream = entry.Open())
            write(stream);
        return entry.Crc32;
    }
}
