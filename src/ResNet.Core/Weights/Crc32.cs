using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>The checksum of zip archives, which <see cref="ZipArchive"/> writes and does not check.</summary>
internal static class Crc32
{
    /// <remarks>The base library has it, and fast, but inside <see cref="ZipArchive"/> alone: so an archive is written to nowhere.</remarks>
    public static uint Of(Action<Stream> write)
    {
        using var archive = new ZipArchive(Stream.Null, ZipArchiveMode.Create);
        var entry = archive.CreateEntry("checksum", CompressionLevel.NoCompression);
        using (var stream = entry.Open())
            write(stream);
        return entry.Crc32;
    }
}
