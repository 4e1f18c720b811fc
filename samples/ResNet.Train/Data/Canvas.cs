using SkiaSharp;

namespace ResNet.Train;

/// <summary>A square that pictures are drawn on in the size that the network takes. Not for several threads at once.</summary>
internal sealed class Canvas : IDisposable
{
    private readonly SKBitmap _bitmap;
    private readonly SKCanvas _canvas;

    /// <param name="size">Height and width.</param>
    /// <param name="grey">One channel in place of three. Colours become their luma.</param>
    public Canvas(int size, bool grey)
    {
        Size = size;
        _bitmap = new SKBitmap(new SKImageInfo(size, size, grey ? SKColorType.Gray8 : SKColorType.Rgb888x, SKAlphaType.Opaque));
        _canvas = new SKCanvas(_bitmap);
        Channels = grey ? 1 : 3;
    }

    public int Size { get; }

    public int Channels { get; }

    public SKBitmap Bitmap => _bitmap;

    public void Draw(SKImage picture, Window window)
    {
        var (scaleX, scaleY) = (Size / window.Width, Size / window.Height);
        _canvas.ResetMatrix();
        if (window.Flipped)
            _canvas.Scale(-1, 1, Size / 2f, 0);
        _canvas.Clear(SKColors.Black);
        _canvas.DrawImage(
            picture,
            SKRect.Create((float)(-window.Left * scaleX), (float)(-window.Top * scaleY), (float)(picture.Width * scaleX), (float)(picture.Height * scaleY)),
            // Pixels as they are where they fit; otherwise means of them, of more than four where the picture becomes much smaller
            scaleX == 1 && scaleY == 1 ? new SKSamplingOptions(SKFilterMode.Nearest)
            : scaleX < 1 || scaleY < 1 ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear)
            : new SKSamplingOptions(SKFilterMode.Linear));
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

    public void Dispose()
    {
        _canvas.Dispose();
        _bitmap.Dispose();
    }
}
