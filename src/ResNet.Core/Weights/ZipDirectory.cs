using System.Buffers.Binary;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>A file in a zip archive.</summary>
/// <param name="Name">The path in the archive.</param>
/// <param name="Length">The length in bytes.</param>
/// <param name="CompressedLength">The length in the archive, the same if the file is stored.</param>
/// <param name="IsStored">Whether the file is neither compressed nor encrypted.</param>
/// <param name="Checksum">The CRC-32.</param>
/// <param name="Start">The position of the local header.</param>
internal sealed record ZipEntry(string Name, long Length, long CompressedLength, bool IsStored, uint Checksum, long Start);

/// <summary>
/// Reads the central directory of a zip archive, as PKWARE's APPNOTE specifies it. .NET's <c>ZipArchive</c> does not limit the number of entries and does not
/// tell where their bytes are.
/// </summary>
internal static class ZipDirectory
{
    // More than the storages of any accepted pickle.
    private const int MaxEntries = 100_000;

    private const int EndLength = 22, MaxCommentLength = ushort.MaxValue, LocatorLength = 20, End64Length = 56, HeaderLength = 46, LocalHeaderLength = 30;

    private const ushort Size64 = 1; // the extra field for values of 64 bits

    /// <summary>The signature of the first entry, with which an archive starts.</summary>
    public static ReadOnlySpan<byte> Magic => "PK\x03\x04"u8;

    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    public static IReadOnlyDictionary<string, ZipEntry> Read(FileStream file)
    {
        var (count, position, length) = FindDirectory(file);
        if (count > MaxEntries)
            throw new InvalidDataException($"is a zip archive with {count:N0} entries, expected at most {MaxEntries:N0}");

        var entries = new Dictionary<string, ZipEntry>();
        var (end, total) = (position + length, 0L);
        file.Position = position;
        for (var i = 0L; i < count; i++)
        {
            var entry = ReadHeader(file, end);
            var name = entry.Name;
            if (name is ['/', ..] or [_, ':', '/', ..] || name.Contains('\\') || name.Split('/').Contains(".."))
                throw new InvalidDataException($"has an entry '{Names.Shorten(name)}', expected a relative path within the archive");
            if (!entries.TryAdd(name, entry))
                throw new InvalidDataException($"has the entry '{Names.Shorten(name)}' twice");

            // Entries that are read are stored, and no two share bytes, so together they are no longer than the file.
            if (entry.CompressedLength < 0 || entry.CompressedLength > file.Length - total)
                throw new InvalidDataException($"has entries that are longer than the file, such as '{Names.Shorten(name)}' of {entry.CompressedLength:N0} bytes");
            total += entry.CompressedLength;
        }
        if (file.Position != end)
            throw Damaged($"its directory of {count:N0} entries is {file.Position - position:N0} bytes long, expected {length:N0}");
        return entries;
    }

    /// <summary>Finds the position of an entry's bytes.</summary>
    /// <exception cref="InvalidDataException">The entry is compressed or damaged.</exception>
    public static long FindDataPosition(FileStream file, ZipEntry entry)
    {
        if (!entry.IsStored || entry.Length != entry.CompressedLength)
            throw new InvalidDataException($"has an entry '{Names.Shorten(entry.Name)}' that is compressed, expected it stored, as torch.save writes it; unpack the archive and pack it without compression: zip -0 -r");

        Span<byte> header = stackalloc byte[LocalHeaderLength];
        if (entry.Start > file.Length - LocalHeaderLength)
            throw Damaged($"'{Names.Shorten(entry.Name)}' starts at byte {entry.Start:N0} of {file.Length:N0}");
        file.Position = entry.Start;
        file.ReadAll(header);
        var name = new byte[BinaryPrimitives.ReadUInt16LittleEndian(header[26..])];
        file.ReadAll(name);
        if (!header.StartsWith(Magic) || Encoding.UTF8.GetString(name) != entry.Name)
            throw Damaged($"'{Names.Shorten(entry.Name)}' is not where its directory says");
        var position = file.Position + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        return entry.Length <= file.Length - position ? position : throw Damaged($"'{Names.Shorten(entry.Name)}' extends beyond the end of the file");
    }

    private static InvalidDataException Damaged(string how) => new($"is a damaged zip archive: {how}");

    private static (long Count, long Position, long Length) FindDirectory(FileStream file)
    {
        var tail = new byte[Math.Min(file.Length, EndLength + MaxCommentLength)];
        file.Position = file.Length - tail.Length;
        file.ReadAll(tail);
        var at = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (at < 0 || at > tail.Length - EndLength || at + EndLength + BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 20)) > tail.Length)
            throw new InvalidDataException("is a truncated zip archive; the download or copy was cut off: fetch it again");

        var end = tail.AsSpan(at);
        long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]), length = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]), position = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        var (disk, limit) = (BinaryPrimitives.ReadUInt32LittleEndian(end[4..]), file.Length - tail.Length + at);

        var locator = at >= LocatorLength ? tail.AsSpan(at - LocatorLength, LocatorLength) : [];
        if (locator.StartsWith("PK\x06\x07"u8))
        {
            var end64 = new byte[End64Length];
            var start = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
            limit -= LocatorLength;
            if (start < 0 || start > limit - End64Length)
                throw Damaged($"its directory's end is at byte {start:N0}, expected one before {limit:N0}");
            file.Position = limit = start;
            file.ReadAll(end64);
            if (!end64.AsSpan().StartsWith("PK\x06\x06"u8))
                throw Damaged($"its directory's end is not at byte {start:N0}");
            (count, length, position) = (BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(32)), BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(40)), BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(48)));
            disk = BinaryPrimitives.ReadUInt32LittleEndian(end64.AsSpan(16));
        }
        if (disk != 0)
            throw new InvalidDataException("is one part of a split zip archive, expected a whole one");
        if (count < 0 || length < 0 || position < 0 || position > limit || length > limit - position)
            throw Damaged($"its directory of {length:N0} bytes at byte {position:N0} does not end before byte {limit:N0}");
        return (count, position, length);
    }

    private static ZipEntry ReadHeader(FileStream file, long end)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        if (file.Position > end - HeaderLength)
            throw Damaged("its directory ends too early");
        file.ReadAll(header);
        if (!header.StartsWith("PK\x01\x02"u8))
            throw Damaged($"its directory has no entry at byte {file.Position - HeaderLength:N0}");
        var (flags, method) = (BinaryPrimitives.ReadUInt16LittleEndian(header[8..]), BinaryPrimitives.ReadUInt16LittleEndian(header[10..]));
        var name = new byte[BinaryPrimitives.ReadUInt16LittleEndian(header[28..])];
        var extra = new byte[BinaryPrimitives.ReadUInt16LittleEndian(header[30..])];
        var comment = BinaryPrimitives.ReadUInt16LittleEndian(header[32..]);
        if (name.Length + extra.Length + comment > end - file.Position)
            throw Damaged("its directory ends too early");
        file.ReadAll(name);
        file.ReadAll(extra);
        if (comment > 0)
            file.Seek(comment, SeekOrigin.Current);

        var sizes64 = Find64(extra);
        var length = Widen(BinaryPrimitives.ReadUInt32LittleEndian(header[24..]), ref sizes64);
        var compressed = Widen(BinaryPrimitives.ReadUInt32LittleEndian(header[20..]), ref sizes64);
        var start = Widen(BinaryPrimitives.ReadUInt32LittleEndian(header[42..]), ref sizes64);
        if (length < 0 || compressed < 0 || start < 0)
            throw Damaged($"'{Names.Shorten(Encoding.UTF8.GetString(name))}' has an invalid length or position");
        return new ZipEntry(Encoding.UTF8.GetString(name), length, compressed, method == 0 && (flags & 1) == 0, BinaryPrimitives.ReadUInt32LittleEndian(header[16..]), start);
    }

    private static ReadOnlySpan<byte> Find64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            var (id, length) = (BinaryPrimitives.ReadUInt16LittleEndian(extra), BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]));
            if (length > extra.Length - 4)
                break;
            if (id == Size64)
                return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return [];
    }

    /// <summary>The number itself, or the next 64-bit number if this one is a placeholder.</summary>
    private static long Widen(uint number, ref ReadOnlySpan<byte> sizes64)
    {
        if (number != uint.MaxValue)
            return number;
        if (sizes64.Length < sizeof(long))
            throw Damaged("an entry of its directory lacks its length or position");
        var wide = BinaryPrimitives.ReadInt64LittleEndian(sizes64);
        sizes64 = sizes64[sizeof(long)..];
        return wide;
    }
}
