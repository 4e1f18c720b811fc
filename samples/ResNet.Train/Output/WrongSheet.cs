using SkiaSharp;

namespace ResNet.Train;

/// <summary>The test pictures of whose wrong class the network was most sure: of wrong labels, of pictures that show two things, and of what it has still to learn.</summary>
internal static class WrongSheet
{
    private const int Columns = 8, Rows = 5, Side = 112, Margin = 12, TextHeight = 16;
    private const int CellWidth = Side + Margin, CellHeight = Side + 2 * TextHeight + Margin;

    /// <summary>As a PNG.</summary>
    public static byte[] Of(Evaluation evaluation, NetworkInfo network)
    {
        var wrong = evaluation.Predictions.Where(prediction => prediction.Class != prediction.Picture.Label)
            .OrderByDescending(prediction => prediction.Probability).Take(Columns * Rows).ToArray();
        var rows = Math.Max(1, (wrong.Length + Columns - 1) / Columns);

        using var surface = SKSurface.Create(new SKImageInfo(Columns * CellWidth + Margin, rows * CellHeight + Margin));
        using var font = new SKFont(SKTypeface.Default, 13);
        using var black = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        using var red = new SKPaint { Color = SKColors.Firebrick, IsAntialias = true };
        surface.Canvas.Clear(SKColors.White);
        if (wrong.Length == 0)
            surface.Canvas.DrawText("no picture is wrong", Margin, Margin + TextHeight, font, black);

        // As the network sees them, but larger
        using var canvas = new Canvas(Side, network.Grey);
        foreach (var (i, prediction) in wrong.Index())
        {
            var (left, top) = (Margin + i % Columns * CellWidth, Margin + i / Columns * CellHeight);
            using var image = prediction.Picture.Decode(Side);
            canvas.Draw(image, Window.Middle(image.Width, image.Height, network.Frame));
            surface.Canvas.DrawBitmap(canvas.Bitmap, left, top);
            Text($"{network.Classes[prediction.Class]} {prediction.Probability:0%}", red, 1);
            Text($"is {network.Classes[prediction.Picture.Label]}", black, 2);

            void Text(string text, SKPaint paint, int line)
            {
                text = VisibleText.Escape(text);
                surface.Canvas.DrawText(text[..(int)Math.Min(text.Length, font.BreakText(text, Side))], left, top + Side + line * TextHeight - 2, font, paint);
            }
        }
        using var sheet = surface.Snapshot();
        using var png = sheet.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }
}
