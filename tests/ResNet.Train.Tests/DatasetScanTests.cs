using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class DatasetScanTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Grayscale_images_are_measured_without_the_margin()
    {
        var pixels = CreatePixels(20, 28 * 28);

        var scan = Scan([.. pixels.Select(p => new MemoryImage(p, 28, 0, ""))], 32, 32.0 / 28, grayscale: true);

        Assert.Equal(20 * 28 * 28, Assert.Single(scan.Histograms).Sum());
        AssertNormalization([pixels.SelectMany(p => p)], scan);
    }

    [Fact]
    public void Color_images_are_measured_channel_by_channel()
    {
        const int area = 32 * 32;
        var pixels = CreatePixels(20, 3 * area);

        var scan = Scan([.. pixels.Select(p => new MemoryImage(p, 32, 0, ""))], 32, 1);

        AssertNormalization([.. Enumerable.Range(0, 3).Select(channel => pixels.SelectMany(p => p.Skip(channel * area).Take(area)))], scan);
    }

    [Fact]
    public void Pixels_outside_the_center_crop_are_not_measured()
    {
        // The middle 28 of 32 rows and columns
        var inside = Enumerable.Range(0, 32 * 32).Select(i => i / 32 is >= 2 and < 30 && i % 32 is >= 2 and < 30).ToArray();
        byte[] pixels = [.. inside.Select((isInside, i) => isInside ? (byte)(i % 100) : (byte)255)];

        var scan = Scan([new MemoryImage(pixels, 32, 0, "")], 32, 0.875, grayscale: true);

        Assert.Equal(0, scan.Histograms[0][255]);
        AssertNormalization([pixels.Where((_, i) => inside[i])], scan);
    }

    [Fact]
    public void A_large_image_counts_no_more_than_a_small_one()
    {
        var scan = Scan([CreateImage("small", 40, 60, new SKColor(10, 20, 30)), CreateImage("large", 700, 500, new SKColor(110, 40, 230))], 32, 1);

        foreach (var (histogram, values) in scan.Histograms.Zip(new[] { (10, 110), (20, 40), (30, 230) }))
        {
            Assert.Equal(1024, histogram[values.Item1]);
            Assert.Equal(1024, histogram[values.Item2]);
        }
        var normalization = Normalization.Compute(scan.Histograms);
        Assert.Equal(60 / 255.0, normalization.Mean[0], 1e-12);
        Assert.Equal(50 / 255.0, normalization.StandardDeviation[0], 1e-12);
    }

    /// <summary>With a single processor there is one thread, and nothing to add.</summary>
    [Fact]
    public void The_counts_of_two_threads_are_added()
    {
        using var met = new CountdownEvent(2);
        Image[] images = [.. Enumerable.Range(0, 20).Select(i => new MeetingImage(CreateImage($"{i}.png", 8, 8, new SKColor((byte)i, 0, 0)), met))];

        var scan = Scan(images, 8, 1);

        Assert.Equal(Environment.ProcessorCount > 1, met.IsSet);
        Assert.Equal(Enumerable.Repeat(64L, 20), scan.Histograms[0][..20]);
        Assert.Equal(20 * 64, scan.Histograms[1][0]);
    }

    /// <summary>The first of these images on a thread waits until a second thread decodes one too.</summary>
    private sealed class MeetingImage(Image image, CountdownEvent met) : Image(image.Label)
    {
        [ThreadStatic]
        private static CountdownEvent? arrivedAt;

        public override string Name => image.Name;

        public override string ComputeDigest() => image.ComputeDigest();

        public override SKImage Decode(int size)
        {
            if (arrivedAt != met && Environment.ProcessorCount > 1)
            {
                arrivedAt = met;
                lock (met) // a third thread may arrive
                {
                    if (!met.IsSet)
                        met.Signal();
                }
                met.Wait(TimeSpan.FromMinutes(1));
            }
            return image.Decode(size);
        }
    }

    [Fact]
    public void Broken_images_are_listed_and_the_others_keep_their_order()
    {
        Image[] images = [.. Enumerable.Range(0, 30).Select(i => i % 10 == 4
            ? new FileImage(_folder.Write($"{i}.jpg", "no image"u8.ToArray()), 0)
            : CreateImage($"{i}.png", 8, 8, new SKColor(50, 60, 70)))];

        var scan = Scan(images, 8, 1);

        Assert.Equal(images.Where((_, i) => i % 10 != 4), scan.Readable);
        Assert.Equal(3, scan.Broken.Count);
        Assert.Collection(
            scan.Broken,
            problem => Assert.StartsWith(_folder["4.jpg"] + ":", problem, StringComparison.Ordinal),
            problem => Assert.StartsWith(_folder["14.jpg"] + ":", problem, StringComparison.Ordinal),
            problem => Assert.StartsWith(_folder["24.jpg"] + ":", problem, StringComparison.Ordinal));
        Assert.Equal([27 * 64, 27 * 64, 27 * 64], scan.Histograms.Select(histogram => histogram.Sum()));
    }

    [Fact]
    public void A_scan_of_only_broken_images_is_empty()
    {
        var scan = Scan([new FileImage(_folder["nothing"], 0)], 8, 1);

        Assert.Empty(scan.Readable);
        Assert.Single(scan.Broken);
        Assert.Equal([0.0, 0, 0], Normalization.Compute(scan.Histograms).Mean);
    }

    [Fact]
    public void Repeated_scans_are_equal()
    {
        Image[] images = [.. CreatePixels(200, 3 * 32 * 32).Select(p => new MemoryImage(p, 32, 0, ""))];

        var first = Scan(images, 20, 0.875);

        for (var i = 0; i < 5; i++)
            Assert.Equal(first.Histograms, Scan(images, 20, 0.875).Histograms);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(93)]
    [InlineData(255)]
    public void Images_of_a_single_color_have_deviation_1(byte value)
    {
        var pixels = new byte[28 * 28];
        Array.Fill(pixels, value);

        var normalization = Normalization.Compute(Scan([new MemoryImage(pixels, 28, 0, "")], 32, 32.0 / 28, grayscale: true).Histograms);

        Assert.Equal(value / 255.0, Assert.Single(normalization.Mean), 1e-12);
        Assert.Equal(1, Assert.Single(normalization.StandardDeviation));
    }

    [Fact]
    public void Normalized_values_have_mean_0_and_deviation_1()
    {
        var pixels = CreatePixels(5, 28 * 28);
        var scan = Scan([.. pixels.Select(p => new MemoryImage(p, 28, 0, ""))], 28, 1, grayscale: true);

        var table = Assert.Single(Normalization.Compute(scan.Histograms).CreateTables());

        var values = pixels.SelectMany(p => p).Select(pixel => (double)table[pixel]).ToArray();
        Assert.Equal(0, values.Average(), 1e-5);
        Assert.Equal(1, values.Average(value => value * value), 1e-5);
    }

    [Fact]
    public void Every_image_counts_as_a_step_even_if_it_is_broken()
    {
        var steps = 0;
        Image[] images = [.. CreatePixels(40, 64).Select(p => new MemoryImage(p, 8, 0, "")), new FileImage(_folder["nothing"], 0)];

        DatasetScan.Scan(images, 8, 1, grayscale: true, () => Interlocked.Increment(ref steps), default);

        Assert.Equal(41, steps);
    }

    [Fact]
    public void Cancellation_stops_the_scan()
    {
        using var cancellation = new CancellationTokenSource();
        var steps = 0;
        Image[] images = [.. CreatePixels(2000, 64).Select(p => new MemoryImage(p, 8, 0, ""))];

        Assert.Throws<OperationCanceledException>(() => DatasetScan.Scan(images, 8, 1, grayscale: true, Step, cancellation.Token));

        Assert.InRange(steps, 10, 1999);

        void Step()
        {
            if (Interlocked.Increment(ref steps) == 10)
                cancellation.Cancel();
        }
    }

    private static DatasetScan Scan(Image[] images, int size, double cropRatio, bool grayscale = false) => DatasetScan.Scan(images, size, cropRatio, grayscale, () => { }, default);

    private static byte[][] CreatePixels(int count, int length)
    {
        var random = new Random(1);
        // Each third of an image, one of its channels, has a range of its own.
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, length).Select(i => (byte)random.Next(20 * (3 * i / length), 150 + 50 * (3 * i / length))).ToArray())];
    }

    private FileImage CreateImage(string name, int width, int height, SKColor color)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(color);
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return new FileImage(_folder.Write(name, png.ToArray()), 0);
    }

    private static void AssertNormalization(IReadOnlyList<IEnumerable<byte>> channels, DatasetScan scan)
    {
        var normalization = Normalization.Compute(scan.Histograms);
        Assert.Equal(channels.Count, normalization.Mean.Length);
        Assert.Equal(channels.Count, normalization.StandardDeviation.Length);
        foreach (var (channel, i) in channels.Select((channel, i) => (channel, i)))
        {
            var values = channel.Select(value => value / 255.0).ToArray();
            var mean = values.Average();
            Assert.Equal(mean, normalization.Mean[i], 1e-9);
            Assert.Equal(Math.Sqrt(values.Average(value => (value - mean) * (value - mean))), normalization.StandardDeviation[i], 1e-9);
        }
    }
}
