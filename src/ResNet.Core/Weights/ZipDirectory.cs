using System.Buffers.Binary;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>A file in a zip archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Length">How long it is, in bytes.</param>
/// <param name="CompressedLength">How much of the archive it takes: as much, if it is stored as it is.</param>
/// <param name="IsStored">Whether it is neither compressed nor encrypted.</param>
/// <param name="Checksum">Its CRC-32.</param>
/// <param name="Start">Where it begins in the archive, with a header of its own.</param>
internal sealed record ZipEntry(string Name, long Length, long CompressedLength, bool IsStored, uint Checksum, long Start);

/// <summary>
/// The directory of a zip archive, which stands at its end, as PKWARE's APPNOTE has it. The base library's <c>ZipArchive</c> takes as many entries
/// as the directory holds, and does not tell where their bytes are.
/// </summary>
internal static class ZipDirectory
{
    // A pickle that is not refused refers to fewer storages.
    private const int MaxEntries = 100_000;

    private const int EndLength = 22, MaxCommentLength = ushort.MaxValue, LocatorLength = 20, End64Length = 56, HeaderLength = 46, LocalHeaderLength = 30;

    private const ushort Size64 = 1; // the extra field with what does not fit into 32 bits

    /// <summary>What an archive starts with, as its first entry does.</summary>
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
                throw new InvalidDataException($"has an entry '{Names.Short(name)}', expected the name of a file in the archive's own folder");
            if (!entries.TryAdd(name, entry))
                throw new InvalidDataException($"has the entry '{Names.Short(name)}' twice");

            // No two entries share the same bytes, and none that is read expands: there cannot be more in it than the file is long.
            if (entry.CompressedLength < 0 || entry.CompressedLength > file.Length - total)
                throw new InvalidDataException($"has entries that are longer than the file, such as '{Names.Short(name)}' of {entry.CompressedLength:N0} bytes");
            total += entry.CompressedLength;
        }
        if (file.Position != end)
            throw Damaged($"its directory of {count:N0} entries is {file.Position - position:N0} bytes long, expected {length:N0}");
        return entries;
    }

    /// <summary>Where an entry's own bytes begin in the file.</summary>
    /// <exception cref="InvalidDataException">It is compressed, or not there.</exception>
    public static long DataPosition(FileStream file, ZipEntry entry)
    {
        if (!entry.IsStored || entry.Length != entry.CompressedLength)
            throw new InvalidDataException($"has an entry '{Names.Short(entry.Name)}' that cannot be read: it is compressed, expected it as it is, as torch.save writes it; unpack the archive and pack it without compression: zip -0 -r");

        Span<byte> header = stackalloc byte[LocalHeaderLength];
        if (entry.Start > file.Length - LocalHeaderLength)
            throw Damaged($"'{Names.Short(entry.Name)}' starts at byte {entry.Start:N0} of {file.Length:N0}");
        file.Position = entry.Start;
        file.ReadAll(header);
        var name = new byte[BinaryPrimitives.ReadUInt16LittleEndian(header[26..])];
        file.ReadAll(name);
        if (!header.StartsWith(Magic) || Encoding.UTF8.GetString(name) != entry.Name)
            throw Damaged($"'{Names.Short(entry.Name)}' is not where its directory says");
        var position = file.Position + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        return entry.Length <= file.Length - position ? position : throw Damaged($"'{Names.Short(entry.Name)}' goes beyond the file's end");
    }

    private static InvalidDataException Damaged(string how) => new($"is a damaged zip archive: {how}");

    private static (long Count, long Position, long Length) FindDirectory(FileStream file)
    {
        var tail = new byte[Math.Min(file.Length, EndLength + MaxCommentLength)];
        file.Position = file.Length - tail.Length;
        file.ReadAll(tail);
        var at = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (at < 0 || at > tail.Length - EndLength || at + EndLength + BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 20)) > tail.Length)
            throw new InvalidDataException("is a zip archive without its end, expected the whole of it; a download or a copy was cut off: fetch it again");

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
            throw new InvalidDataException("is one part of a zip archive in several, expected a whole one");
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
            throw Damaged($"'{Names.Short(Encoding.UTF8.GetString(name))}' has a length or a place that no file has");
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

    /// <summary>The number itself, or the next of those of 64 bits where it says that it is one of them.</summary>
    private static long Widen(uint number, ref ReadOnlySpan<byte> sizes64)
    {
        if (number != uint.MaxValue)
            return number;
        if (sizes64.Length < sizeof(long))
            throw Damaged("an entry of its directory lacks its length or its place");
        var wide = BinaryPrimitives.ReadInt64LittleEndian(sizes64);
        sizes64 = sizes64[sizeof(long)..];
        return wide;
    }
}
