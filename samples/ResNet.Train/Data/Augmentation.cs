namespace ResNet.Train;

/// <summary>Random changes to a batch's training images, different in each epoch.</summary>
internal sealed class Augmentation(Recipe recipe, int seed)
{
    private const double LeastArea = 0.02, MostArea = 1.0 / 3, Narrowest = 0.3;

    private readonly Random _random = new(seed);

    public Crop CreateCrop(int width, int height) => Crop.CreateRandom(width, height, recipe, _random);

    /// <summary>Consumes the random numbers of an image that another rank decodes.</summary>
    /// <param name="extent">The image's width and height.</param>
    /// <param name="size">The height and width of the network's input.</param>
    public void Skip((int Width, int Height) extent, int size)
    {
        CreateCrop(extent.Width, extent.Height);
        Erase([], channels: 0, size);
    }

    /// <summary>Replaces a rectangle of some images with the mean: Random Erasing (arXiv:1708.04896), with the paper's numbers.</summary>
    /// <param name="image">The normalized channels, one after another.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="size">The height and width.</param>
    public void Erase(Span<float> image, int channels, int size)
    {
        if (recipe.RandomErase == 0 || _random.NextDouble() >= recipe.RandomErase)
            return;

        var area = size * size * (LeastArea + (MostArea - LeastArea) * _random.NextDouble());
        var ratio = Math.Pow(Narrowest, 2 * _random.NextDouble() - 1); // 0.3 to 1 / 0.3
        var height = Math.Clamp((int)Math.Round(Math.Sqrt(area * ratio)), 1, size);
        var width = Math.Clamp((int)Math.Round(Math.Sqrt(area / ratio)), 1, size);
        var (top, left) = (_random.Next(size - height + 1), _random.Next(size - width + 1));
        for (var row = 0; row < channels * size; row++)
            if (row % size >= top && row % size < top + height)
                image.Slice(row * size + left, width).Clear();
    }
}
