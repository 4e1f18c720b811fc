namespace ResNet.Train;

/// <summary>What is done to a batch's pictures in training, so that they are not the same twice.</summary>
internal sealed class Augmentation(Recipe recipe, int seed)
{
    private const double LeastArea = 0.02, MostArea = 1.0 / 3, Narrowest = 0.3;

    private readonly Random _random = new(seed);

    public Window Window(int width, int height) => Train.Window.Random(width, height, recipe, _random);

    /// <summary>Draws the random numbers of a picture that somebody else draws.</summary>
    /// <param name="extent">Of the picture.</param>
    /// <param name="size">Height and width of what the network sees.</param>
    public void Skip((int Width, int Height) extent, int size)
    {
        Window(extent.Width, extent.Height);
        Erase([], channels: 0, size);
    }

    /// <summary>Hides a rectangle of some pictures behind the mean (Random Erasing, arXiv:1708.04896, with its numbers).</summary>
    /// <param name="picture">Its channels, normalised, one after the other.</param>
    /// <param name="channels">How many.</param>
    /// <param name="size">Height and width.</param>
    public void Erase(Span<float> picture, int channels, int size)
    {
        if (recipe.Erase == 0 || _random.NextDouble() >= recipe.Erase)
            return;

        var area = size * size * (LeastArea + (MostArea - LeastArea) * _random.NextDouble());
        var ratio = Math.Pow(Narrowest, 2 * _random.NextDouble() - 1); // 0.3 to 1 / 0.3
        var height = Math.Clamp((int)Math.Round(Math.Sqrt(area * ratio)), 1, size);
        var width = Math.Clamp((int)Math.Round(Math.Sqrt(area / ratio)), 1, size);
        var (top, left) = (_random.Next(size - height + 1), _random.Next(size - width + 1));
        for (var row = 0; row < channels * size; row++)
            if (row % size >= top && row % size < top + height)
                picture.Slice(row * size + left, width).Clear();
    }
}
