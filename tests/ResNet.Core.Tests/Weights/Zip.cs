using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Core.Tests.Weights;

/// <summary>Creates zip archives that torch.save would not write.</summary>
internal static class Zip
{
    // Offsets of the fields in a directory entry
    private const int Checksum = 16, CompressedSize = 20, UncompressedSize = 24, Offset = 42;

    public static byte[] Create(params (string Name, byte[] Content)[] entries) => Create(compressed: "", entries);

    public static byte[] Create(string compressed, params (string Name, byte[] Content)[] entries)
    {
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create))
            foreach (var (name, content) in entries)
            {
                using var stream = archive.CreateEntry(name, name == compressed ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression).Open();
                stream.Write(content);
            }
        return file.ToArray();
    }

    /// <summary>Reads one entry of an archive.</summary>
    public static byte[] Read(string path, string name)
    {
        using var archive = ZipFile.OpenRead(path);
        using var stream = archive.GetEntry(name)!.Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Returns a copy whose directory gives every entry <paramref name="size"/> bytes.</summary>
    public static byte[] WithSizes(byte[] zip, uint size) => WithDirectory(zip, (CompressedSize, size), (UncompressedSize, size));

    /// <summary>Returns a copy whose directory places every entry at the start of the file.</summary>
    public static byte[] WithOverlaps(byte[] zip) => WithDirectory(zip, (Offset, 0u));

    /// <summary>Returns a copy whose checksums are 0, PyTorch's sign that there are none.</summary>
    public static byte[] WithoutChecksums(byte[] zip) => WithDirectory(zip, (Checksum, 0u));

    /// <summary>Returns a copy whose zip64 end record claims this many entries.</summary>
    public static byte[] WithCount(byte[] zip, long count)
    {
        var at = zip.AsSpan().LastIndexOf("PK\x05\x06"u8);
        var (length, position) = (BinaryPrimitives.ReadInt32LittleEndian(zip.AsSpan(at + 12)), BinaryPrimitives.ReadInt32LittleEndian(zip.AsSpan(at + 16)));
        var end = new byte[56 + 20];
        "PK\x06\x06"u8.CopyTo(end);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(4), 44);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(32), count);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(40), length);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(48), position);
        "PK\x06\x07"u8.CopyTo(end.AsSpan(56));
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(56 + 8), at);
        return [.. zip[..at], .. end, .. zip[at..]];
    }

    private static byte[] WithDirectory(byte[] zip, params ReadOnlySpan<(int Field, uint Value)> changes)
    {
        var changed = (byte[])zip.Clone();
        for (var at = zip.AsSpan().IndexOf("PK\x01\x02"u8); at < zip.Length - 4; at++)
            if (zip.AsSpan(at).StartsWith("PK\x01\x02"u8))
                foreach (var (field, value) in changes)
                    BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(at + field), value);
        return changed;
    }
}
