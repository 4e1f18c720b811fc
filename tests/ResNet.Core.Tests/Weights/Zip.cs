using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Core.Tests.Weights;

/// <summary>Archives such as torch.save would never write.</summary>
internal static class Zip
{
    public static byte[] Of(params (string Name, byte[] Content)[] entries) => Of(compressed: "", entries);

    public static byte[] Of(string compressed, params (string Name, byte[] Content)[] entries)
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

    /// <summary>The content of one entry of an archive.</summary>
    public static byte[] Read(string path, string name)
    {
        using var archive = ZipFile.OpenRead(path);
        using var stream = archive.GetEntry(name)!.Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Makes the archive's directory name every entry's data as <paramref name="size"/> bytes long.</summary>
    public static byte[] WithSizes(byte[] zip, uint size)
    {
        var changed = (byte[])zip.Clone();
        for (var at = zip.Length - 4; at >= 0; at--)
            if (zip.AsSpan(at).StartsWith("PK\x01\x02"u8))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(at + 20), size);
                BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(at + 24), size);
            }
        return changed;
    }

    /// <summary>Makes the archive's directory name the same place in the file, that of the last entry, for every entry.</summary>
    public static byte[] WithOverlaps(byte[] zip)
    {
        var changed = (byte[])zip.Clone();
        uint? last = null;
        for (var at = zip.Length - 4; at >= 0; at--)
            if (zip.AsSpan(at).StartsWith("PK\x01\x02"u8))
            {
                last ??= BinaryPrimitives.ReadUInt32LittleEndian(zip.AsSpan(at + 42));
                BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(at + 42), last.Value);
            }
        return changed;
    }
}
