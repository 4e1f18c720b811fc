using SkiaSharp;

namespace ResNet.Train;

/// <summary>
/// An image, once for each class, and over it how much each place speaks for that class: blue is not at all, red is the most, in one
/// measure for all of the classes. What the network does not look at is darker.
/// </summary>
internal static class ExplanationImage
{
    /// <summary>The longer side of one drawing of the image, in pixels.</summary>
    private const float Least = 320, Most = 1024;

    /// <summary>To decode the image for; it comes with up to twice as many pixels.</summary>
    private const int Size = 512;

    private const byte Opacity = 110; // of 255

    private const float Blue = 240; // on the circle of hues, on which red is 0

    /// <summary>Of 256 shares, from 0 to 1.</summary>
    private static readonly SKColor[] colors = [.. Enumerable.Range(0, 256).Select(share => SKColor.FromHsv(Blue * (1 - share / 255f), 100, 100).WithAlpha(Opacity))];

    /// <summary>In a tenth of the time, and a fifth larger.</summary>
    private static readonly SKPngEncoderOptions quick = new(SKPngEncoderFilterFlags.Paeth, zLibLevel: 1);

    private static readonly SKColor unseen = SKColors.Black.WithAlpha(128), behindText = SKColors.Black.WithAlpha(160);

    /// <param name="picture">The image.</param>
    /// <param name="frame">The square in its middle that the network sees, as a share of the shorter side.</param>
    /// <param name="classes">From left to right.</param>
    /// <returns>A PNG.</returns>
    public static byte[] Draw(Picture picture, double frame, IReadOnlyList<ExplainedClass> classes)
    {
        using var image = picture.Decode(Size);
        var longer = (float)Math.Max(image.Width, image.Height);
        var scale = Math.Clamp(1, Least / longer, Most / longer);
        var (width, height) = (Scaled(image.Width), Scaled(image.Height));
        var window = Window.Middle(image.Width, image.Height, frame);
        var seen = SKRectI.Create((int)Math.Round(window.Left * scale), (int)Math.Round(window.Top * scale), Scaled(window.Width), Scaled(window.Height));
        var highest = Math.Max(float.Epsilon, classes.Max(shown => shown.Map.Cast<float>().Max()));

        using var surface = SKSurface.Create(new SKImageInfo(width * classes.Count, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var canvas = surface.Canvas;
        foreach (var shown in classes)
        {
            canvas.Save();
            canvas.ClipRect(SKRect.Create(width, height));
            canvas.DrawImage(image, SKRect.Create(width, height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
            Darken(canvas, seen);
            using var heat = Heat(shown, highest, seen.Size);
            canvas.DrawBitmap(heat, seen.Left, seen.Top);
            Write(canvas, $"{VisibleText.Escape(shown.Name)} {100 * shown.Probability:0.0} %", width, height);
            canvas.Restore();
            canvas.Translate(width, 0);
        }
        using var drawn = surface.PeekPixels();
        using var png = drawn.Encode(quick)!;
        return png.ToArray();

        int Scaled(double length) => Math.Max(1, (int)Math.Round(length * scale));
    }

    private static void Darken(SKCanvas canvas, SKRectI seen)
    {
        canvas.Save();
        canvas.ClipRect(seen, SKClipOperation.Difference);
        canvas.DrawColor(unseen, SKBlendMode.SrcOver);
        canvas.Restore();
    }

    private static SKBitmap Heat(ExplainedClass shown, float highest, SKSizeI size)
    {
        var pixels = new SKColor[size.Width * size.Height];
        for (var y = 0; y < size.Height; y++)
            for (var x = 0; x < size.Width; x++)
            {
                // What speaks against the class is blue as well.
                var share = Math.Clamp(shown.At((x + 0.5) / size.Width, (y + 0.5) / size.Height) / highest, 0, 1);
                pixels[y * size.Width + x] = colors[(int)Math.Round(255 * share)];
            }
        return new SKBitmap(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul)) { Pixels = pixels };
    }

    private static void Write(SKCanvas canvas, string text, int width, int height)
    {
        using var font = new SKFont(SKTypeface.Default, Math.Clamp(height / 18f, 12, 32));
        using var white = new SKPaint { Color = SKColors.White, IsAntialias = true };
        using var black = new SKPaint { Color = behindText };
        var margin = font.Size / 3;
        text = text[..(int)Math.Min(text.Length, font.BreakText(text, Math.Max(0, width - 2 * margin)))];
        canvas.DrawRect(SKRect.Create(font.MeasureText(text) + 2 * margin, font.Size + 2 * margin), black);
        canvas.DrawText(text, margin, font.Size + margin / 2, font, white);
    }
}
