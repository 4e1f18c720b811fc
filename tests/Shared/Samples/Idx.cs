using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Tests;

/// <summary>Creates valid and invalid IDX files.</summary>
internal static class Idx
{
    public static byte[] CreateLabels(params byte[] labels) => [.. CreateHeader(0x801, labels.Length), .. labels];

    public static byte[] CreateImages(int count, int side = 28) =>
        [.. CreateHeader(0x803, count, side, side), .. Enumerable.Range(0, count * side * side).Select(i => (byte)(i % 251))];

    public static byte[] CreateHeader(int magic, params int[] sizes)
    {
        var header = new byte[4 + 4 * sizes.Length];
        BinaryPrimitives.WriteInt32BigEndian(header, magic);
        for (var i = 0; i < sizes.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), sizes[i]);
        return header;
    }

    public static byte[] Compress(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>
    /// Writes the four files of a dataset that a network can learn: an image of class c has a bright band c steps down. The classes alternate.
    /// </summary>
    public static void WriteSet(TempFolder folder, int training = 60, int test = 20)
    {
        foreach (var (name, count) in new[] { ("train", training), ("t10k", test) })
        {
            var labels = Enumerable.Range(0, count).Select(i => (byte)(i % 10)).ToArray();
            var pixels = new byte[count * 28 * 28];
            for (var i = 0; i < count; i++)
            {
                pixels.AsSpan(i * 28 * 28 + (4 + 2 * labels[i]) * 28, 2 * 28).Fill((byte)(200 + i % 50));
                // The last corner makes every image unique.
                (pixels[(i + 1) * 28 * 28 - 3], pixels[(i + 1) * 28 * 28 - 2], pixels[(i + 1) * 28 * 28 - 1]) = ((byte)i, (byte)(i >> 8), (byte)name[1]);
            }
            folder.Write($"{name}-images-idx3-ubyte.gz", Compress([.. CreateHeader(0x803, count, 28, 28), .. pixels]));
            folder.Write($"{name}-labels-idx1-ubyte.gz", Compress(CreateLabels(labels)));
        }
    }
}
