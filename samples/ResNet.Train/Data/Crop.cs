namespace ResNet.Train;

/// <summary>The part of an image that the network sees, in image pixels. Parts outside the image are black.</summary>
internal readonly record struct Crop(double Left, double Top, double Width, double Height, bool Flipped = false)
{
    private const int Tries = 10;
    private const double WidestRatio = 4.0 / 3;

    /// <summary>Creates the center crop.</summary>
    /// <param name="width">The image's width.</param>
    /// <param name="height">The image's height.</param>
    /// <param name="cropRatio">The crop's side, as a share of the image's shorter side.</param>
    public static Crop CreateCenter(int width, int height, double cropRatio)
    {
        var side = Math.Max(1, Math.Round(Math.Min(width, height) * cropRatio));
        return new Crop((width - side) / 2, (height - side) / 2, side, side);
    }

    /// <summary>Creates a random crop, scaled, translated and mirrored within the recipe's limits.</summary>
    public static Crop CreateRandom(int width, int height, Recipe recipe, Random random)
    {
        var crop = (recipe.MinCropArea < 1 ? CreateResized(width, height, recipe.MinCropArea, random) : null) ?? CreateCenter(width, height, recipe.CropRatio);
        return crop with
        {
            Left = crop.Left + random.Next(-recipe.Translation, recipe.Translation + 1),
            Top = crop.Top + random.Next(-recipe.Translation, recipe.Translation + 1),
            Flipped = random.NextDouble() < recipe.Flip,
        };
    }

    /// <summary>Creates a crop with a random share of the area and a random aspect ratio, as the Inception paper (arXiv:1409.4842) and torchvision's RandomResizedCrop do.</summary>
    private static Crop? CreateResized(int width, int height, double minArea, Random random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = width * height * (minArea + (1 - minArea) * random.NextDouble());
            var ratio = Math.Pow(WidestRatio, 2 * random.NextDouble() - 1);
            var (w, h) = (Math.Round(Math.Sqrt(area * ratio)), Math.Round(Math.Sqrt(area / ratio)));
            if (w >= 1 && h >= 1 && w <= width && h <= height)
                return new Crop(random.Next((int)(width - w) + 1), random.Next((int)(height - h) + 1), w, h);
        }
        return null; // for a very wide or high image: the caller takes the center crop
    }
}
