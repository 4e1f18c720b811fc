using SkiaSharp;

namespace ResNet.Train.Tests;

/// <summary>An image that is drawn much smaller becomes the means of its pixels, weighted by triangles, however it is stored.</summary>
public sealed class ShrunkImagesTests : IDisposable
{
    private const int Side = 1024, Cell = 8, Cells = Side / Cell, Small = 32;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    [InlineData(false, 3)]
    [InlineData(false, 6)]
    [InlineData(true, 8)]
    public void A_fine_pattern_becomes_its_mean_with_and_without_alpha_in_any_orientation(bool alpha, byte orientation)
    {
        var random = new Random(1);
        var cells = Enumerable.Range(0, Cells * Cells).Select(_ => random.Next(2) == 0 ? SKColors.Black : new SKColor(255, (byte)random.Next(256), 255)).ToArray();
        using var bitmap = new SKBitmap(new SKImageInfo(Side, Side, SKColorType.Rgba8888, alpha ? SKAlphaType.Unpremul : SKAlphaType.Opaque));
        bitmap.Pixels = [.. Enumerable.Range(0, Side * Side).Select(i => cells[i / Side / Cell * Cells + i % Side / Cell])];
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        Assert.Equal(alpha ? 6 : 2, png.Span[25]); // its color type
        var path = _folder.Write("image.png", [.. png.Span[..33], .. ImageBytes.CreatePngChunk("eXIf", [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]), .. png.Span[33..]]);

        var drawn = Draw(new FileImage(path, 0), Small);

        var weights = ComputeWeights(Cells, Small);
        for (var y = 0; y < Small; y++)
            for (var x = 0; x < Small; x++)
            {
                // The pixel's place in the stored image
                var (storedX, storedY) = orientation switch
                {
                    2 => (Small - 1 - x, y),
                    3 => (Small - 1 - x, Small - 1 - y),
                    6 => (y, Small - 1 - x),
                    8 => (Small - 1 - y, x),
                    _ => (x, y),
                };
                Assert.Equal(ComputeMean(cells, color => color.Red, weights[storedX], weights[storedY]), drawn[0][y * Small + x], 1.0);
                Assert.Equal(ComputeMean(cells, color => color.Green, weights[storedX], weights[storedY]), drawn[1][y * Small + x], 1.0);
            }
    }

    /// <summary>Draws a quarter of the side, for which a mean of four pixels is not enough.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_image_in_memory_becomes_its_means_too(int channels)
    {
        var pixels = new byte[channels * 32 * 32];
        new Random(1).NextBytes(pixels);

        var drawn = Draw(new MemoryImage(pixels, 32, 0, "image"), 8, channels == 1);

        var weights = ComputeWeights(32, 8);
        for (var channel = 0; channel < channels; channel++)
            for (var i = 0; i < 64; i++)
                Assert.Equal(ComputeMean(pixels[(channel * 1024)..], value => value, weights[i % 8], weights[i / 8]), drawn[channel][i], 1.0);
    }

    /// <summary>Computes the weight of each cell in each drawn pixel, under a triangle that ends at the centers of the neighboring pixels.</summary>
    private static double[][] ComputeWeights(int cells, int size) =>
    [
        .. Enumerable.Range(0, size).Select(x =>
        {
            double[] weights = [.. Enumerable.Range(0, cells * Cell).GroupBy(i => i / Cell, i => Math.Max(0, 1 - Math.Abs((i + 0.5) / (cells * Cell) * size - (x + 0.5)))).Select(cell => cell.Sum())];
            return weights.Select(weight => weight / weights.Sum()).ToArray();
        }),
    ];

    private static double ComputeMean<T>(T[] cells, Func<T, double> select, double[] across, double[] down) =>
        down.Index().Where(row => row.Item > 0).Sum(row => row.Item * across.Index().Where(column => column.Item > 0).Sum(column => column.Item * select(cells[row.Index * across.Length + column.Index])));

    private static byte[][] Draw(Image source, int size, bool grayscale = false)
    {
        using var image = source.Decode(size);
        using var canvas = new Canvas(size, grayscale);
        canvas.Draw(image, Crop.CreateCenter(image.Width, image.Height, 1));
        return [.. Enumerable.Range(0, canvas.Channels).Select(channel =>
        {
            var pixels = new byte[size * size];
            canvas.Read(channel, pixels);
            return pixels;
        })];
    }
}
