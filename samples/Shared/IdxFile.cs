using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Samples;

/// <summary>
/// A file in MNIST's IDX format, gzipped or not: two zero bytes, the element type, the number of dimensions, the
/// size of each dimension as a big-endian 32-bit number, then the elements. Here the elements are bytes and the first
/// dimension counts the items.
/// </summary>
/// <param name="Path">The path that it was read from.</param>
/// <param name="Count">The number of items.</param>
/// <param name="Data">The items, one after the other.</param>
public sealed record IdxFile(string Path, int Count, byte[] Data)
{
    /// <summary>The most items a file may hold: more than any dataset in this format has, and few enough for an array.</summary>
    public const int MostItems = 1_000_000;

    private const byte UnsignedByte = 0x08;

    /// <summary>Reads a file whose items have the given shape: empty for labels, height and width for images.</summary>
    /// <exception cref="UserException">The file is missing, damaged, or of another format.</exception>
    public static IdxFile Read(string path, params int[] itemShape)
    {
        try
        {
            using var file = InputFile.OpenRead(path);
            using var content = IsGzip(file) ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            var count = ReadHeader(content, path, itemShape);
            return new IdxFile(path, count, ReadItems(content, path, count, itemShape.Aggregate(1, (a, b) => a * b)));
        }
        catch (InvalidDataException e)
        {
            throw new UserException($"{path}: expected a gzip file, but it is damaged: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <summary>Checks the content, not the name: some tools unpack a file and keep its name.</summary>
    private static bool IsGzip(FileStream file)
    {
        Span<byte> start = stackalloc byte[2];
        var length = file.ReadAtLeast(start, 2, throwOnEndOfStream: false);
        file.Position = 0;
        return length == 2 && start is [0x1f, 0x8b];
    }

    private static int ReadHeader(Stream content, string path, int[] itemShape)
    {
        var dimensions = itemShape.Length + 1;
        Span<byte> header = stackalloc byte[4 + 4 * dimensions];
        var length = content.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (length < header.Length)
            throw new UserException($"{path}: expected an IDX header of {header.Length} bytes, got a file of {length}");
        if (header[0] != 0 || header[1] != 0 || header[2] != UnsignedByte || header[3] != dimensions)
            throw new UserException($"{path}: expected an IDX file of bytes in {Plural.Format(dimensions, "dimension")}, which starts with 0000080{dimensions}, " +
                $"got one that starts with {Convert.ToHexString(header[..4])}");

        var sizes = new uint[dimensions];
        for (var i = 0; i < dimensions; i++)
            sizes[i] = BinaryPrimitives.ReadUInt32BigEndian(header[(4 + 4 * i)..]);
        if (!sizes.Skip(1).SequenceEqual(itemShape.Select(size => (uint)size)))
            throw new UserException($"{path}: expected items of {string.Join('x', itemShape)}, got {string.Join('x', sizes.Skip(1))}");
        if (sizes[0] is 0 or > MostItems)
            throw new UserException($"{path}: expected 1 to {MostItems} items, got {sizes[0]}");
        return (int)sizes[0];
    }

    private static byte[] ReadItems(Stream content, string path, int count, int itemSize)
    {
        // The array grows with the data read, so a wrong header cannot cause a large allocation.
        var expected = count * itemSize;
        var items = new byte[Math.Min(expected, 1 << 20)];
        var length = 0;
        while (true)
        {
            length += content.ReadAtLeast(items.AsSpan(length), items.Length - length, throwOnEndOfStream: false);
            if (length == expected)
                break;
            if (length < items.Length)
                throw new UserException($"{path}: expected {count} items of {Plural.Format(itemSize, "byte")} as its header says, {expected} bytes in all, got {length}");
            Array.Resize(ref items, (int)Math.Min(expected, 2L * items.Length));
        }

        // Reading to the end also makes GZipStream verify the checksum.
        if (content.ReadByte() >= 0)
            throw new UserException($"{path}: expected {count} items of {Plural.Format(itemSize, "byte")} as its header says, {expected} bytes in all, got more");
        return items;
    }
}
