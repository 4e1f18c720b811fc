using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class DatasetScanTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Grey_pictures_are_measured_without_the_margin()
    {
        var pixels = Pixels(20, 28 * 28);

        var survey = Look([.. pixels.Select(p => new MemoryImage(p, 28, 0, ""))], 32, 32.0 / 28, grayscale: true);

        Assert.Equal(20 * 28 * 28, Assert.Single(survey.Histograms).Sum());
        AssertNormalisation([pixels.SelectMany(p => p)], survey);
    }

    [Fact]
    public void Colours_are_measured_channel_by_channel()
    {
        const int area = 32 * 32;
        var pixels = Pixels(20, 3 * area);

        var survey = Look([.. pixels.Select(p => new MemoryImage(p, 32, 0, ""))], 32, 1);

        AssertNormalisation([.. Enumerable.Range(0, 3).Select(channel => pixels.SelectMany(p => p.Skip(channel * area).Take(area)))], survey);
    }

    [Fact]
    public void What_the_network_does_not_see_is_not_measured()
    {
        // 28 of 32 rows and columns, those in the middle
        var inside = Enumerable.Range(0, 32 * 32).Select(i => i / 32 is >= 2 and < 30 && i % 32 is >= 2 and < 30).ToArray();
        byte[] pixels = [.. inside.Select((isInside, i) => isInside ? (byte)(i % 100) : (byte)255)];

        var survey = Look([new MemoryImage(pixels, 32, 0, "")], 32, 0.875, grayscale: true);

        Assert.Equal(0, survey.Histograms[0][255]);
        AssertNormalisation([pixels.Where((_, i) => inside[i])], survey);
    }

    [Fact]
    public void A_large_picture_counts_no_more_than_a_small_one()
    {
        var survey = Look([Single("small", 40, 60, new SKColor(10, 20, 30)), Single("large", 700, 500, new SKColor(110, 40, 230))], 32, 1);

        foreach (var (histogram, values) in survey.Histograms.Zip(new[] { (10, 110), (20, 40), (30, 230) }))
        {
            Assert.Equal(1024, histogram[values.Item1]);
            Assert.Equal(1024, histogram[values.Item2]);
        }
        var normalization = Normalization.Compute(survey.Histograms);
        Assert.Equal(60 / 255.0, normalization.Mean[0], 1e-12);
        Assert.Equal(50 / 255.0, normalization.StandardDeviation[0], 1e-12);
    }

    /// <summary>On a machine with one processor there is one thread, and nothing to put together.</summary>
    [Fact]
    public void What_two_threads_have_counted_is_put_together()
    {
        using var met = new CountdownEvent(2);
        Image[] pictures = [.. Enumerable.Range(0, 20).Select(i => new Meeting(Single($"{i}.png", 8, 8, new SKColor((byte)i, 0, 0)), met))];

        var survey = Look(pictures, 8, 1);

        Assert.Equal(Environment.ProcessorCount > 1, met.IsSet);
        Assert.Equal(Enumerable.Repeat(64L, 20), survey.Histograms[0][..20]);
        Assert.Equal(20 * 64, survey.Histograms[1][0]);
    }

    /// <summary>The first that is decoded on a thread waits until a second thread decodes one as well.</summary>
    private sealed class Meeting(Image picture, CountdownEvent met) : Image(picture.Label)
    {
        [ThreadStatic]
        private static CountdownEvent? arrivedAt;

        public override string Name => picture.Name;

        public override string ComputeDigest() => picture.ComputeDigest();

        public override SKImage Decode(int size)
        {
            if (arrivedAt != met && Environment.ProcessorCount > 1)
            {
                arrivedAt = met;
                lock (met) // there may be a third
                {
                    if (!met.IsSet)
                        met.Signal();
                }
                met.Wait(TimeSpan.FromMinutes(1));
            }
            return picture.Decode(size);
        }
    }

    [Fact]
    public void Broken_pictures_are_told_and_the_others_keep_their_order()
    {
        Image[] pictures = [.. Enumerable.Range(0, 30).Select(i => i % 10 == 4
            ? new FileImage(_folder.Write($"{i}.jpg", "no picture"u8.ToArray()), 0)
            : Single($"{i}.png", 8, 8, new SKColor(50, 60, 70)))];

        var survey = Look(pictures, 8, 1);

        Assert.Equal(pictures.Where((_, i) => i % 10 != 4), survey.Readable);
        Assert.Equal(3, survey.Broken.Count);
        Assert.Collection(
            survey.Broken,
            problem => Assert.StartsWith(_folder["4.jpg"] + ":", problem, StringComparison.Ordinal),
            problem => Assert.StartsWith(_folder["14.jpg"] + ":", problem, StringComparison.Ordinal),
            problem => Assert.StartsWith(_folder["24.jpg"] + ":", problem, StringComparison.Ordinal));
        Assert.Equal([27 * 64, 27 * 64, 27 * 64], survey.Histograms.Select(histogram => histogram.Sum()));
    }

    [Fact]
    public void Nothing_but_broken_pictures_leave_nothing()
    {
        var survey = Look([new FileImage(_folder["nothing"], 0)], 8, 1);

        Assert.Empty(survey.Readable);
        Assert.Single(survey.Broken);
        Assert.Equal([0.0, 0, 0], Normalization.Compute(survey.Histograms).Mean);
    }

    [Fact]
    public void It_is_the_same_each_time()
    {
        Image[] pictures = [.. Pixels(200, 3 * 32 * 32).Select(p => new MemoryImage(p, 32, 0, ""))];

        var first = Look(pictures, 20, 0.875);

        for (var i = 0; i < 5; i++)
            Assert.Equal(first.Histograms, Look(pictures, 20, 0.875).Histograms);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(93)]
    [InlineData(255)]
    public void Pictures_of_one_colour_have_deviation_1(byte value)
    {
        var pixels = new byte[28 * 28];
        Array.Fill(pixels, value);

        var normalization = Normalization.Compute(Look([new MemoryImage(pixels, 28, 0, "")], 32, 32.0 / 28, grayscale: true).Histograms);

        Assert.Equal(value / 255.0, Assert.Single(normalization.Mean), 1e-12);
        Assert.Equal(1, Assert.Single(normalization.StandardDeviation));
    }

    [Fact]
    public void Normalised_values_have_mean_0_and_deviation_1()
    {
        var pixels = Pixels(5, 28 * 28);
        var survey = Look([.. pixels.Select(p => new MemoryImage(p, 28, 0, ""))], 28, 1, grayscale: true);

        var table = Assert.Single(Normalization.Compute(survey.Histograms).CreateTables());

        var values = pixels.SelectMany(p => p).Select(pixel => (double)table[pixel]).ToArray();
        Assert.Equal(0, values.Average(), 1e-5);
        Assert.Equal(1, values.Average(value => value * value), 1e-5);
    }

    [Fact]
    public void A_step_is_told_for_each_picture_be_it_broken_or_not()
    {
        var steps = 0;
        Image[] pictures = [.. Pixels(40, 64).Select(p => new MemoryImage(p, 8, 0, "")), new FileImage(_folder["nothing"], 0)];

        DatasetScan.Scan(pictures, 8, 1, grayscale: true, () => Interlocked.Increment(ref steps), default);

        Assert.Equal(41, steps);
    }

    [Fact]
    public void It_can_be_ended()
    {
        using var cancellation = new CancellationTokenSource();
        var steps = 0;
        Image[] pictures = [.. Pixels(2000, 64).Select(p => new MemoryImage(p, 8, 0, ""))];

        Assert.Throws<OperationCanceledException>(() => DatasetScan.Scan(pictures, 8, 1, grayscale: true, Step, cancellation.Token));

        Assert.InRange(steps, 10, 1999);

        void Step()
        {
            if (Interlocked.Increment(ref steps) == 10)
                cancellation.Cancel();
        }
    }

    private static DatasetScan Look(Image[] pictures, int size, double frame, bool grayscale = false) => DatasetScan.Scan(pictures, size, frame, grayscale, () => { }, default);

    private static byte[][] Pixels(int count, int length)
    {
        var random = new Random(1);
        // Each third of a picture, a channel of it, has values of its own.
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, length).Select(i => (byte)random.Next(20 * (3 * i / length), 150 + 50 * (3 * i / length))).ToArray())];
    }

    private FileImage Single(string name, int width, int height, SKColor color)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(color);
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return new FileImage(_folder.Write(name, png.ToArray()), 0);
    }

    private static void AssertNormalisation(IReadOnlyList<IEnumerable<byte>> channels, DatasetScan survey)
    {
        var normalization = Normalization.Compute(survey.Histograms);
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
