using System.Buffers.Binary;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>
/// Reads the orientation from the EXIF data of PNG and WebP files. Skia reads a JPEG's, but not a PNG's, and not always a WebP's. Damaged
/// or missing data means upright.
/// </summary>
internal static class ExifOrientation
{
    private const ushort Tag = 0x0112, Short = 3;
    private const int EntryLength = 12;

    /// <summary>Reads a PNG: a signature, then chunks of length, type, data and checksum.</summary>
    public static SKEncodedOrigin ReadPng(ReadOnlySpan<byte> file)
    {
        var rest = file[Math.Min(8, file.Length)..];
        while (rest.Length >= 12)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 12)
                break;
            if (rest[4..].StartsWith("eXIf"u8))
                return Read(rest.Slice(8, (int)length));
            rest = rest[(12 + (int)length)..];
        }
        return SKEncodedOrigin.TopLeft;
    }

    /// <summary>Reads a WebP: a signature, then chunks of type, length and data, padded to even lengths.</summary>
    public static SKEncodedOrigin ReadWebP(ReadOnlySpan<byte> file)
    {
        var rest = file[Math.Min(12, file.Length)..];
        while (rest.Length >= 8)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            if (length > rest.Length - 8)
                break;
            if (rest.StartsWith("EXIF"u8))
                return Read(rest.Slice(8, (int)length));
            rest = rest[Math.Min(8 + (int)length + (int)(length & 1), rest.Length)..];
        }
        return SKEncodedOrigin.TopLeft;
    }

    /// <summary>Reads EXIF data, which have TIFF's format: byte order, offset of the first directory, and its entries of tag, type, count and value.</summary>
    private static SKEncodedOrigin Read(ReadOnlySpan<byte> exif)
    {
        // Some programs copy the prefix that a JPEG has.
        if (exif.StartsWith("Exif\0\0"u8))
            exif = exif[6..];
        var isLittleEndian = exif.StartsWith("II*\0"u8);
        if (exif.Length < 8 || !isLittleEndian && !exif.StartsWith("MM\0*"u8))
            return SKEncodedOrigin.TopLeft;
        var directory = ReadUInt32(exif[4..]);
        if (directory > exif.Length - 2)
            return SKEncodedOrigin.TopLeft;

        var entries = exif[(int)directory..];
        var count = ReadUInt16(entries);
        entries = entries[2..];
        for (var i = 0; i < count && entries.Length >= EntryLength; i++, entries = entries[EntryLength..])
        {
            if (ReadUInt16(entries) != Tag)
                continue;
            var value = (SKEncodedOrigin)ReadUInt16(entries[8..]);
            return ReadUInt16(entries[2..]) == Short && Enum.IsDefined(value) ? value : SKEncodedOrigin.TopLeft;
        }
        return SKEncodedOrigin.TopLeft;

        ushort ReadUInt16(ReadOnlySpan<byte> bytes) => isLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
        uint ReadUInt32(ReadOnlySpan<byte> bytes) => isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
