using SkiaSharp;

namespace ResNet.Train;

/// <summary>A square that pictures are drawn on in the size that the network takes. Not for several threads at once.</summary>
internal sealed class Canvas : IDisposable
{
    private readonly SKBitmap _bitmap;
    private readonly SKCanvas _canvas;

    /// <param name="size">Height and width.</param>
    /// <param name="grayscale">One channel in place of three. Colours become their luma.</param>
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

    public void Draw(SKImage picture, Crop crop)
    {
        if (crop.Width != Size || crop.Height != Size)
        {
            Resample(picture, crop);
            return;
        }
        _canvas.ResetMatrix();
        if (crop.Flipped)
            _canvas.Scale(-1, 1, Size / 2f, 0);
        _canvas.Clear(SKColors.Black);
        _canvas.DrawImage(picture, (float)-crop.Left, (float)-crop.Top, new SKSamplingOptions(SKFilterMode.Nearest)); // pixels as they are
    }

    private void Resample(SKImage picture, Crop crop)
    {
        using var drawn = _bitmap.PeekPixels();
        using var pixels = picture.PeekPixels();
        if (pixels.BytesPerPixel == drawn.BytesPerPixel)
            Resampling.Draw(pixels, crop, drawn);
        else
        {
            // A photograph for a network of grayscale images, or the other way round
            using var same = new SKBitmap(new SKImageInfo(picture.Width, picture.Height, drawn.ColorType, SKAlphaType.Opaque));
            using var converted = same.PeekPixels();
            if (!pixels.ReadPixels(converted))
                throw new InvalidOperationException($"{pixels.ColorType} does not become {converted.ColorType}");
            Resampling.Draw(converted, crop, drawn);
        }
        _bitmap.NotifyPixelsChanged();
    }

    /// <summary>Copies a channel's pixels, row by row. Between rows the bitmap has nothing.</summary>
    /// <param name="channel">From 0.</param>
    /// <param name="pixels">As many as the square has.</param>
    public void Read(int channel, Span<byte> pixels)
    {
        var all = _bitmap.GetPixelSpan(); // a call of Skia, for all rows at once
        var step = _bitmap.BytesPerPixel;
        for (int i = 0, j = channel; i < pixels.Length; i++, j += step)
            pixels[i] = all[j];
    }

    /// <summary>The same, through a table.</summary>
    /// <param name="channel">From 0.</param>
    /// <param name="pixels">As many as the square has.</param>
    /// <param name="table">What each of the 256 values becomes.</param>
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
