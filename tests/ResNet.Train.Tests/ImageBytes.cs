using System.Buffers.Binary;
using System.IO.Compression;

namespace ResNet.Train.Tests;

/// <summary>Creates image files byte by byte, also those that no encoder writes.</summary>
internal static class ImageBytes
{
    private static readonly byte[] signature = [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n'];

    /// <param name="width">The width in the header.</param>
    /// <param name="height">The height in the header.</param>
    /// <param name="bits">The bits per channel.</param>
    /// <param name="colorType">0 is gray; 2 is red, green and blue; 4 is gray with alpha.</param>
    /// <param name="row">The pixels of every row.</param>
    /// <param name="rows">The number of rows in the data.</param>
    public static byte[] CreatePng(int width, int height, byte bits, byte colorType, byte[] row, int rows)
    {
        using var data = new MemoryStream();
        using (var zip = new ZLibStream(data, CompressionLevel.Fastest))
            for (var i = 0; i < rows; i++)
                zip.Write([0, .. row]); // 0: no filter
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bits, colorType);
        return [.. signature, .. CreatePngChunk("IHDR", header), .. CreatePngChunk("IDAT", data.ToArray()), .. CreatePngChunk("IEND", [])];
    }

    public static byte[] CreatePngChunk(string type, byte[] data)
    {
        byte[] body = [.. type.Select(c => (byte)c), .. data];
        var chunk = new byte[body.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4 + body.Length), ComputeCrc(body));
        return chunk;
    }

    public static byte[] CreateWebPChunk(string type, byte[] data)
    {
        var chunk = new byte[8 + data.Length + data.Length % 2];
        for (var i = 0; i < 4; i++)
            chunk[i] = (byte)type[i];
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), data.Length);
        data.CopyTo(chunk, 8);
        return chunk;
    }

    /// <param name="width">The width in the header.</param>
    /// <param name="height">The height in the header. The lowest row comes first.</param>
    /// <param name="pixels">The pixels: blue, green and red, with each row padded to a multiple of four bytes.</param>
    public static byte[] CreateBmp(int width, int height, byte[] pixels) =>
        [.. "BM"u8, .. ToBytes(54 + pixels.Length), .. ToBytes(0), .. ToBytes(54), .. CreateBitmapHeader(width, height, pixels.Length), .. pixels];

    /// <summary>Creates an icon of one bitmap.</summary>
    public static byte[] CreateIco(int width, int height)
    {
        var bitmap = (byte[])[.. CreateBitmapHeader(width, 2 * height, 0), .. new byte[200]];
        return [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 24, 0, .. ToBytes(bitmap.Length), .. ToBytes(22), .. bitmap];
    }

    private static byte[] CreateBitmapHeader(int width, int height, int length) =>
        [.. ToBytes(40), .. ToBytes(width), .. ToBytes(height), 1, 0, 24, 0, .. ToBytes(0), .. ToBytes(length), .. ToBytes(0), .. ToBytes(0), .. ToBytes(0), .. ToBytes(0)];

    private static byte[] ToBytes(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static uint ComputeCrc(byte[] bytes)
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
