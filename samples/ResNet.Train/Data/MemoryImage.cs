using System.Security.Cryptography;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>A small square image in memory, with one byte per pixel and channel, channel by channel: grayscale, or red, green and blue.</summary>
internal sealed class MemoryImage(ReadOnlyMemory<byte> pixels, int side, int label, string name) : Image(label)
{
    public override string Name => name;

    /// <summary>Covers the pixels and the label, which come from different files.</summary>
    public override string ComputeDigest() => $"{Convert.ToHexStringLower(SHA256.HashData(pixels.Span).AsSpan(0, 8))}-{Label}";

    public override SKImage Decode(int size)
    {
        var area = side * side;
        var source = pixels.Span;
        if (source.Length == area)
            return SKImage.FromPixelCopy(new SKImageInfo(side, side, SKColorType.Gray8, SKAlphaType.Opaque), source, side);

        // Skia needs the channels of a pixel together, and four of them.
        Span<byte> together = new byte[4 * area];
        for (var i = 0; i < area; i++)
            (together[4 * i], together[4 * i + 1], together[4 * i + 2], together[4 * i + 3]) = (source[i], source[area + i], source[2 * area + i], byte.MaxValue);
        return SKImage.FromPixelCopy(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque), together, 4 * side);
    }
}
