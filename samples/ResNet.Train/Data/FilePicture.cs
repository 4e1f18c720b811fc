using System.Security.Cryptography;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>A picture in a file of its own: JPEG, PNG, WebP, BMP or whatever else SkiaSharp reads.</summary>
internal sealed class FilePicture(string path, int label) : Picture(label)
{
    public override string Name => path;

    public override string NameIn(string folder) => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>Of the file's content alone: its class is in its name.</summary>
    public override string Digest()
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file).AsSpan(0, 8));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    public override SKImage Decode(int size)
    {
        using var codec = Open();
        var shorter = Math.Min(codec.Info.Width, codec.Info.Height);
        // JPEG can be decoded at an eighth, two eighths … of its size, in much less time.
        var scaled = codec.GetScaledDimensions((float)Math.Min(1, Math.Ceiling(8 * 2.0 * size / shorter) / 8));
        using var bitmap = new SKBitmap(new SKImageInfo(scaled.Width, scaled.Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw new UserException($"{path}: expected a whole picture, got a broken one ({result})");

        if (codec.EncodedOrigin == SKEncodedOrigin.TopLeft && codec.Info.AlphaType == SKAlphaType.Opaque)
        {
            bitmap.SetImmutable(); // or the pixels would be copied
            return SKImage.FromBitmap(bitmap);
        }
        return Upright(bitmap, codec.EncodedOrigin);
    }

    private SKCodec Open()
    {
        try
        {
            using var file = File.OpenRead(path); // for .NET's message where there is none, or no right to read it
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
        return SKCodec.Create(path, out var result) ?? throw new UserException($"{path}: expected a picture, such as a JPEG or PNG file ({result})");
    }

    /// <summary>Turned as the camera was held, and on white where it is transparent.</summary>
    private static SKImage Upright(SKBitmap bitmap, SKEncodedOrigin origin)
    {
        // The first row and column of the stored picture are these sides of the upright one. The four last ones are turned by a quarter.
        var (width, height) = origin >= SKEncodedOrigin.LeftTop ? (bitmap.Height, bitmap.Width) : (bitmap.Width, bitmap.Height);
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
        using var surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgb888x, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.SetMatrix(upright);
        surface.Canvas.DrawBitmap(bitmap, 0, 0);
        return surface.Snapshot();
    }
}
