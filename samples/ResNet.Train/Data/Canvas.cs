using SkiaSharp;

namespace ResNet.Train;

/// <summary>Draws crops of images at the size of the network's input. Not thread-safe.</summary>
internal sealed class Canvas : IDisposable
{
    private readonly SKBitmap _bitmap;
    private readonly SKCanvas _canvas;

    /// <param name="size">The height and width.</param>
    /// <param name="grayscale">Whether to draw one channel instead of three. Colors become their luma.</param>
    public Canvas(int size, bool grayscale)
    {
        Size = size;
        _bitmap = new SKBitmap(new SKImageInfo(size, size, grayscale ? SKColorType.Gray8 : SKColorType.Rgb888x, SKAlphaType.Opaque));
        _canvas = new SKCanvas(_bitmap);
        Channels = grayscale ? 1 : 3;
    }

    public int Size { get; }

    public int Channels { get; }

    public SKBitmap Bitmap => _bitmap;

    public void Draw(SKImage image, Crop crop)
    {
        if (crop.Width != Size || crop.Height != Size)
        {
            Resample(image, crop);
            return;
        }
        _canvas.ResetMatrix();
        if (crop.Flipped)
            _canvas.Scale(-1, 1, Size / 2f, 0);
        _canvas.Clear(SKColors.Black);
        _canvas.DrawImage(image, (float)-crop.Left, (float)-crop.Top, new SKSamplingOptions(SKFilterMode.Nearest)); // copies the pixels
    }

    private void Resample(SKImage image, Crop crop)
    {
        using var drawn = _bitmap.PeekPixels();
        using var pixels = image.PeekPixels();
        if (pixels.BytesPerPixel == drawn.BytesPerPixel)
            Resampling.Draw(pixels, crop, drawn);
        else
        {
            // A color image for a grayscale network, or vice versa
            using var same = new SKBitmap(new SKImageInfo(image.Width, image.Height, drawn.ColorType, SKAlphaType.Opaque));
            using var converted = same.PeekPixels();
            if (!pixels.ReadPixels(converted))
                throw new InvalidOperationException($"cannot convert {pixels.ColorType} to {converted.ColorType}");
            Resampling.Draw(converted, crop, drawn);
        }
        _bitmap.NotifyPixelsChanged();
    }

    /// <summary>Copies a channel's pixels, row by row. The bitmap has no padding between rows.</summary>
    /// <param name="channel">The channel, from 0.</param>
    /// <param name="pixels">The target, with room for all pixels of the square.</param>
    public void Read(int channel, Span<byte> pixels)
    {
        var all = _bitmap.GetPixelSpan(); // one call into Skia for all rows
        var step = _bitmap.BytesPerPixel;
        for (int i = 0, j = channel; i < pixels.Length; i++, j += step)
            pixels[i] = all[j];
    }

    /// <summary>Copies a channel's pixels through a table.</summary>
    /// <param name="channel">The channel, from 0.</param>
    /// <param name="pixels">The target, with room for all pixels of the square.</param>
    /// <param name="table">The result for each of the 256 values.</param>
    public void Read(int channel, Span<float> pixels, ReadOnlySpan<float> table)
    {
        var all = _bitmap.GetPixelSpan();
        var step = _bitmap.BytesPerPixel;
        table = table[..256];
        for (int i = 0, j = channel; i < pixels.Length; i++, j += step)
            pixels[i] = table[all[j]];
    }

    public void Dispose()
    {
        _canvas.Dispose();
        _bitmap.Dispose();
    }
}
