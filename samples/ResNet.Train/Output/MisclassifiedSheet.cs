using SkiaSharp;

namespace ResNet.Train;

/// <summary>Draws the misclassified images with the highest probabilities. They show wrong labels, images of two things, and what the network still gets wrong.</summary>
internal static class MisclassifiedSheet
{
    private const int Columns = 8, Rows = 5, Side = 112, Margin = 12, TextHeight = 16;
    private const int CellWidth = Side + Margin, CellHeight = Side + 2 * TextHeight + Margin;

    /// <returns>A PNG.</returns>
    public static byte[] Draw(Evaluation evaluation, ModelConfig network)
    {
        var wrong = evaluation.Predictions.Where(prediction => prediction.Class != prediction.Image.Label)
            .OrderByDescending(prediction => prediction.Probability).Take(Columns * Rows).ToArray();
        var rows = Math.Max(1, (wrong.Length + Columns - 1) / Columns);

        using var surface = SKSurface.Create(new SKImageInfo(Columns * CellWidth + Margin, rows * CellHeight + Margin));
        using var font = new SKFont(SKTypeface.Default, 13);
        using var black = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        using var red = new SKPaint { Color = SKColors.Firebrick, IsAntialias = true };
        surface.Canvas.Clear(SKColors.White);
        if (wrong.Length == 0)
            surface.Canvas.DrawText("no misclassified images", Margin, Margin + TextHeight, font, black);

        // The network's center crops, enlarged
        using var canvas = new Canvas(Side, network.Grayscale);
        foreach (var (i, prediction) in wrong.Index())
        {
            var (left, top) = (Margin + i % Columns * CellWidth, Margin + i / Columns * CellHeight);
            using var image = prediction.Image.Decode(Side);
            canvas.Draw(image, Crop.CreateCenter(image.Width, image.Height, network.CropRatio));
            surface.Canvas.DrawBitmap(canvas.Bitmap, left, top);
            Write($"{network.Classes[prediction.Class]} {prediction.Probability:0%}", red, 1);
            Write($"is {network.Classes[prediction.Image.Label]}", black, 2);

            void Write(string text, SKPaint paint, int line)
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
