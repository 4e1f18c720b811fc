using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Train.Tests;

/// <summary>Image files, byte by byte, as no encoder writes them.</summary>
internal static class ImageBytes
{
    private static readonly byte[] signature = [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n'];

    /// <param name="width">What its header says.</param>
    /// <param name="height">What its header says.</param>
    /// <param name="bits">Of a channel.</param>
    /// <param name="colorType">0 is gray, 2 is red, green and blue, 4 is gray with alpha.</param>
    /// <param name="row">Its pixels, the same in each row.</param>
    /// <param name="rows">How many there really are.</param>
    public static byte[] Png(int width, int height, byte bits, byte colorType, byte[] row, int rows)
    {
        using var data = new MemoryStream();
        using (var zip = new ZLibStream(data, CompressionLevel.Fastest))
            for (var i = 0; i < rows; i++)
                zip.Write([0, .. row]); // 0: no filter
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bits, colorType);
        return [.. signature, .. PngChunk("IHDR", header), .. PngChunk("IDAT", data.ToArray()), .. PngChunk("IEND", [])];
    }

    public static byte[] PngChunk(string type, byte[] data)
    {
        byte[] body = [.. type.Select(c => (byte)c), .. data];
        var chunk = new byte[body.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4 + body.Length), Crc(body));
        return chunk;
    }

    public static byte[] WebPChunk(string type, byte[] data)
    {
        var chunk = new byte[8 + data.Length + data.Length % 2];
        for (var i = 0; i < 4; i++)
            chunk[i] = (byte)type[i];
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), data.Length);
        data.CopyTo(chunk, 8);
        return chunk;
    }

    /// <param name="width">What its header says.</param>
    /// <param name="height">What its header says; the rows run upwards.</param>
    /// <param name="pixels">Blue, green and red; each row filled up to a multiple of four bytes.</param>
    public static byte[] Bmp(int width, int height, byte[] pixels) =>
        [.. "BM"u8, .. Number(54 + pixels.Length), .. Number(0), .. Number(54), .. BitmapHeader(width, height, pixels.Length), .. pixels];

    /// <summary>An icon of one bitmap.</summary>
    public static byte[] Ico(int width, int height)
    {
        var bitmap = (byte[])[.. BitmapHeader(width, 2 * height, 0), .. new byte[200]];
        return [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 24, 0, .. Number(bitmap.Length), .. Number(22), .. bitmap];
    }

    private static byte[] BitmapHeader(int width, int height, int length) =>
        [.. Number(40), .. Number(width), .. Number(height), 1, 0, 24, 0, .. Number(0), .. Number(length), .. Number(0), .. Number(0), .. Number(0), .. Number(0)];

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static uint Crc(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
        return ~crc;
    }
}
