using System.Runtime.InteropServices;
using System.Security.Cryptography;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>An image in a file of its own: JPEG, PNG, WebP, GIF or BMP. An animation counts as its first frame.</summary>
internal sealed class FileImage(string path, int label) : Image(label)
{
    /// <summary>The largest size, above that of cameras. Memory must hold four bytes per pixel, plus a third to shrink the image.</summary>
    public const int MostPixels = 200_000_000, MostSide = 65_535;

    private const int MostBytes = 1 << 30;

    /// <summary>Images above these limits are decoded one at a time, on any number of threads, and shrunk.</summary>
    private const int ManyPixels = 64_000_000, ManyBytes = 64_000_000;

    private static readonly Lock alone = new();

    public override string Name => path;

    public override string GetNameIn(string folder) => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>Covers the file's content only, because its class is in its name.</summary>
    public override string ComputeDigest()
    {
        try
        {
            using var file = InputFile.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file).AsSpan(0, 8));
        }
        catch (IOException e)
        {
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <summary>Whether a file has one of the known formats. The image may still be broken.</summary>
    public static bool IsImage(string path)
    {
        try
        {
            return DescribeOther(path) is null;
        }
        catch (UserException)
        {
            return false; // unreadable
        }
    }

    /// <returns>A description of a file that is no image of a known format; null for an image.</returns>
    /// <exception cref="UserException">The file cannot be read.</exception>
    public static string? DescribeOther(string path)
    {
        using var file = InputFile.OpenRead(path);
        var head = FileKind.ReadHead(file);
        return FileKind.DetectFormat(head) is null ? FileKind.Describe(head) : null;
    }

    public override SKImage Decode(int size)
    {
        try
        {
            using var file = InputFile.OpenRead(path);
            var head = FileKind.ReadHead(file);
            if (FileKind.DetectFormat(head) is not { } format)
                throw new UserException($"{path}: expected a JPEG, PNG, WebP, GIF or BMP image, got {FileKind.Describe(head)}");
            return DecodeAlone(file.Length > ManyBytes, () => Decode(file, format, size));
        }
        catch (Exception e) when (e is not UserException)
        {
            // Any other failure, such as too little memory, concerns only this file.
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    private SKImage Decode(FileStream file, ImageFormat format, int size)
    {
        if (file.Length > MostBytes)
            throw new UserException($"{path}: expected a file of up to {MostBytes} bytes, got {file.Length}");
        // Read the whole file first: Skia ends the process if a mapped file is truncated.
        using var data = SKData.Create(file.Length);
        file.ReadExactly(MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(data.Span), (int)data.Size));
        using var codec = SKCodec.Create(data) ?? throw CreateBroken("its header");

        // The header may claim any size, and memory is allocated before pixels are read.
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MostPixels || Math.Max(width, height) > MostSide)
            throw new UserException($"{path}: expected an image of up to {MostPixels / 1_000_000} megapixels and {MostSide} pixels a side, got {width}x{height}");
        var origin = format switch
        {
            ImageFormat.Jpeg => codec.EncodedOrigin,
            ImageFormat.Png => ExifOrientation.ReadPng(data.Span),
            ImageFormat.WebP => ExifOrientation.ReadWebP(data.Span),
            _ => SKEncodedOrigin.TopLeft,
        };
        return DecodeAlone((long)width * height > ManyPixels, () => Decode(codec, format, origin, size));
    }

    private SKImage Decode(SKCodec codec, ImageFormat format, SKEncodedOrigin origin, int size)
    {
        var stored = codec.Info.Size;
        // A JPEG decodes at multiples of an eighth of its size in much less time.
        if (format == ImageFormat.Jpeg)
            stored = codec.GetScaledDimensions((float)Math.Min(1, Math.Ceiling(8 * 2.0 * size / Math.Min(stored.Width, stored.Height)) / 8));
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(new SKImageInfo(stored.Width, stored.Height, SKColorType.Rgba8888, SKAlphaType.Premul)))
            throw new UserException($"{path}: expected memory for {stored.Width}x{stored.Height} pixels, got none");
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw CreateBroken($"{result}");

        bitmap.SetImmutable(); // or the pixels would be copied
        var image = SKImage.FromBitmap(bitmap);
        var isMany = (long)stored.Width * stored.Height > ManyPixels;
        if (origin == SKEncodedOrigin.TopLeft && codec.Info.AlphaType == SKAlphaType.Opaque && !isMany)
            return image;
        using (image)
            return Rotate(image, origin, isMany ? Math.Min(1, 2f * size / Math.Min(image.Width, image.Height)) : 1);
    }

    private UserException CreateBroken(string what) => new($"{path}: expected a whole image, got a broken one ({what})");

    private static SKImage DecodeAlone(bool isLarge, Func<SKImage> decode)
    {
        if (!isLarge)
            return decode();
        lock (alone)
            return decode();
    }

    /// <summary>Rotates an image upright, draws it on white where it is transparent, and shrinks it by <paramref name="scale"/>.</summary>
    private static SKImage Rotate(SKImage image, SKEncodedOrigin origin, float scale)
    {
        // The names say which sides of the upright image the stored first row and column are. The last four are rotated by 90 degrees.
        var (width, height) = origin >= SKEncodedOrigin.LeftTop ? (image.Height, image.Width) : (image.Width, image.Height);
        var upright = origin switch
        {
            SKEncodedOrigin.TopRight => new SKMatrix(-1, 0, width, 0, 1, 0, 0, 0, 1),
            SKEncodedOrigin.BottomRight => new SKMatrix(-1, 0, width, 0, -1, height, 0, 0, 1),
            SKEncodedOrigin.BottomLeft => new SKMatrix(1, 0, 0, 0, -1, height, 0, 0, 1),
            SKEncodedOrigin.LeftTop => new SKMatrix(0, 1, 0, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightTop => new SKMatrix(0, -1, width, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightBottom => new SKMatrix(0, -1, width, -1, 0, height, 0, 0, 1),
            SKEncodedOrigin.LeftBottom => new SKMatrix(0, 1, 0, -1, 0, height, 0, 0, 1),
            _ => SKMatrix.Identity,
        };
        // Not Rgb888x: Skia makes no mipmaps of it, and would skip most pixels when shrinking.
        var info = new SKImageInfo((int)Math.Ceiling(width * scale), (int)Math.Ceiling(height * scale), SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var surface = SKSurface.Create(info) ?? throw new InsufficientMemoryException($"expected memory for {info.Width}x{info.Height} pixels, got none");
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale((float)info.Width / width, (float)info.Height / height);
        surface.Canvas.Concat(upright);
        surface.Canvas.DrawImage(image, 0, 0, scale < 1 ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear) : SKSamplingOptions.Default);
        return surface.Snapshot();
    }
}
