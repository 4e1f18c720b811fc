namespace ResNet.Train;

/// <summary>The part of a picture that the network sees, in the picture's pixels. What lies outside of the picture is black.</summary>
internal readonly record struct Window(double Left, double Top, double Width, double Height, bool Flipped = false)
{
    private const int Tries = 10;
    private const double WidestRatio = 4.0 / 3;

    /// <summary>The square in the middle.</summary>
    /// <param name="width">Of the picture.</param>
    /// <param name="height">Of the picture.</param>
    /// <param name="frame">The square's side, as a share of the shorter side of the picture.</param>
    public static Window Middle(int width, int height, double frame)
    {
        var side = Math.Max(1, Math.Round(Math.Min(width, height) * frame));
        return new Window((width - side) / 2, (height - side) / 2, side, side);
    }

    /// <summary>Another one each time: smaller, moved and mirrored as far as the recipe goes.</summary>
    public static Window Random(int width, int height, Recipe recipe, Random random)
    {
        var window = (recipe.Scale < 1 ? RandomPart(width, height, recipe.Scale, random) : null) ?? Middle(width, height, recipe.Frame);
        return window with
        {
            Left = window.Left + random.Next(-recipe.Shift, recipe.Shift + 1),
            Top = window.Top + random.Next(-recipe.Shift, recipe.Shift + 1),
            Flipped = random.NextDouble() < recipe.Flip,
        };
    }

    /// <summary>Of the Inception paper (arXiv:1409.4842) and torchvision's RandomResizedCrop: a share of the area, and not quite square.</summary>
    private static Window? RandomPart(int width, int height, double scale, Random random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = width * height * (scale + (1 - scale) * random.NextDouble());
            var ratio = Math.Pow(WidestRatio, 2 * random.NextDouble() - 1);
            var (w, h) = (Math.Round(Math.Sqrt(area * ratio)), Math.Round(Math.Sqrt(area / ratio)));
            if (w >= 1 && h >= 1 && w <= width && h <= height)
                return new Window(random.Next((int)(width - w) + 1), random.Next((int)(height - h) + 1), w, h);
        }
        return null; // of a picture that is very wide or high: the middle
    }
}
