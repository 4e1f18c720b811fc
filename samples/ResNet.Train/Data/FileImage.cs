using System.Runtime.InteropServices;
using System.Security.Cryptography;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>A picture in a file of its own: JPEG, PNG, WebP, GIF or BMP. Of an animation it is the first frame.</summary>
internal sealed class FileImage(string path, int label) : Image(label)
{
    /// <summary>More than cameras have. Four bytes a pixel have to fit into the memory, with a third more to make the image smaller.</summary>
    public const int MostPixels = 200_000_000, MostSide = 65_535;

    private const int MostBytes = 1 << 30;

    /// <summary>Above these one is decoded at a time, whatever the number of threads, and comes smaller.</summary>
    private const int ManyPixels = 64_000_000, ManyBytes = 64_000_000;

    private static readonly Lock alone = new();

    public override string Name => path;

    public override string NameIn(string folder) => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>Of the file's content alone: its class is in its name.</summary>
    public override string Digest()
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

    /// <summary>Whether it is of a format that is decoded; what else is wrong with it is not looked at.</summary>
    public static bool IsImage(string path)
    {
        try
        {
            return DescribeOther(path) is null;
        }
        catch (UserException)
        {
            return false; // it cannot be read
        }
    }

    /// <returns>What a file is that is no image of a format that is decoded, in words; null where it is one.</returns>
    /// <exception cref="UserException">It cannot be read.</exception>
    public static string? DescribeOther(string path)
    {
        using var file = InputFile.OpenRead(path);
        var head = FileKind.Head(file);
        return FileKind.Format(head) is null ? FileKind.Describe(head) : null;
    }

    public override SKImage Decode(int size)
    {
        try
        {
            using var file = InputFile.OpenRead(path);
            var head = FileKind.Head(file);
            if (FileKind.Format(head) is not { } format)
                throw new UserException($"{path}: expected a JPEG, PNG, WebP, GIF or BMP image, got {FileKind.Describe(head)}");
            return Alone(file.Length > ManyBytes, () => Decode(file, format, size));
        }
        catch (Exception e) when (e is not UserException)
        {
            // Whatever it is, too little memory for one: it is about this file, and there are others.
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    private SKImage Decode(FileStream file, ImageFormat format, int size)
    {
        if (file.Length > MostBytes)
            throw new UserException($"{path}: expected a file of up to {MostBytes} bytes, got {file.Length}");
        // All of it first: Skia would end the process over a mapped file that becomes shorter.
        using var data = SKData.Create(file.Length);
        file.ReadExactly(MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(data.Span), (int)data.Size));
        using var codec = SKCodec.Create(data) ?? throw Broken("its header");

        // The header may claim anything, and the memory comes before the pixels.
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MostPixels || Math.Max(width, height) > MostSide)
            throw new UserException($"{path}: expected an image of up to {MostPixels / 1_000_000} megapixels and {MostSide} pixels a side, got {width}x{height}");
        var origin = format switch
        {
            ImageFormat.Jpeg => codec.EncodedOrigin,
            ImageFormat.Png => ExifOrientation.OfPng(data.Span),
            ImageFormat.WebP => ExifOrientation.OfWebP(data.Span),
            _ => SKEncodedOrigin.TopLeft,
        };
        return Alone((long)width * height > ManyPixels, () => Decode(codec, format, origin, size));
    }

    private SKImage Decode(SKCodec codec, ImageFormat format, SKEncodedOrigin origin, int size)
    {
        var stored = codec.Info.Size;
        // JPEG can be decoded at an eighth, two eighths … of its size, in much less time.
        if (format == ImageFormat.Jpeg)
            stored = codec.GetScaledDimensions((float)Math.Min(1, Math.Ceiling(8 * 2.0 * size / Math.Min(stored.Width, stored.Height)) / 8));
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(new SKImageInfo(stored.Width, stored.Height, SKColorType.Rgba8888, SKAlphaType.Premul)))
            throw new UserException($"{path}: expected memory for {stored.Width}x{stored.Height} pixels, got none");
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw Broken($"{result}");

        bitmap.SetImmutable(); // or the pixels would be copied
        var image = SKImage.FromBitmap(bitmap);
        var isMany = (long)stored.Width * stored.Height > ManyPixels;
        if (origin == SKEncodedOrigin.TopLeft && codec.Info.AlphaType == SKAlphaType.Opaque && !isMany)
            return image;
        using (image)
            return Upright(image, origin, isMany ? Math.Min(1, 2f * size / Math.Min(image.Width, image.Height)) : 1);
    }

    private UserException Broken(string what) => new($"{path}: expected a whole image, got a broken one ({what})");

    private static SKImage Alone(bool isLarge, Func<SKImage> decode)
    {
        if (!isLarge)
            return decode();
        lock (alone)
            return decode();
    }

    /// <summary>Turned as the camera was held, on white where it is transparent, and smaller by <paramref name="scale"/>.</summary>
    private static SKImage Upright(SKImage image, SKEncodedOrigin origin, float scale)
    {
        // The first row and column of the stored picture are these sides of the upright one. The four last ones are turned by a quarter.
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
        // Not Rgb888x, of which Skia makes no mipmaps: drawn smaller, most pixels would be passed over.
        var info = new SKImageInfo((int)Math.Ceiling(width * scale), (int)Math.Ceiling(height * scale), SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var surface = SKSurface.Create(info) ?? throw new InsufficientMemoryException($"expected memory for {info.Width}x{info.Height} pixels, got none");
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale((float)info.Width / width, (float)info.Height / height);
        surface.Canvas.Concat(upright);
        surface.Canvas.DrawImage(image, 0, 0, scale < 1 ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear) : SKSamplingOptions.Default);
        return surface.Snapshot();
    }
}
