using SkiaSharp;

namespace ResNet.Train.Tests;

/// <summary>Writes datasets that a network can learn: each class has its own color.</summary>
internal static class TestImages
{
    public static void WriteSet(TempFolder folder, int perClass = 15)
    {
        foreach (var (name, color) in new[] { ("blue", SKColors.Blue), ("red", SKColors.Red), ("yellow", SKColors.Yellow) })
            for (var i = 0; i < perClass; i++)
                Write(folder, $"{name}/{i:00}.{(i % 2 == 0 ? "jpg" : "png")}", color, i % 2 == 0 ? SKEncodedImageFormat.Jpeg : SKEncodedImageFormat.Png, 40 + i, 50);
    }

    public static string Write(TempFolder folder, string name, SKColor color, SKEncodedImageFormat format, int width, int height)
    {
        using var bitmap = new SKBitmap(width, height);
        bitmap.Erase(color);
        using var file = bitmap.Encode(format, 90);
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        return folder.Write(name, file.ToArray());
    }
}
