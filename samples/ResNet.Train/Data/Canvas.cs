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

    /// <summary>The values of a channel, row by row, as they are now: the first of them, and each <see cref="Step"/> bytes later the next one.</summary>
    public ReadOnlySpan<byte> Values(int channel) => _bitmap.GetPixelSpan()[channel..];

    /// <summary>Bytes from a value to that of the next pixel. Between rows there is nothing.</summary>
    public int Step => _bitmap.BytesPerPixel;

    public void Dispose()
    {
        _canvas.Dispose();
        _bitmap.Dispose();
    }
}
