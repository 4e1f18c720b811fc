namespace ResNet.Train;

/// <summary>
/// The result of decoding every image before the training: which ones can be read, and their pixel values. A scan takes about as long
/// as reading the images for an epoch, and keeps a training from failing at its ten thousandth image.
/// </summary>
/// <param name="Readable">The readable images, in order.</param>
/// <param name="Broken">A message for each of the others.</param>
/// <param name="Digests">The digest of each readable image.</param>
/// <param name="Histograms">The count of each pixel value, channel by channel. Images count at the size of the network's input, so a large one weighs no more.</param>
internal sealed record DatasetScan(IReadOnlyList<Image> Readable, IReadOnlyList<string> Broken, IReadOnlyList<string> Digests, long[][] Histograms)
{
    /// <summary>Scans on all ranks, each of which gets the whole result.</summary>
    /// <inheritdoc cref="Scan"/>
    public static DatasetScan ScanTogether(IReadOnlyList<Image> images, int size, double cropRatio, bool grayscale, Action step, Together together, Func<string, bool>? isKnown)
    {
        if (!together.Ranks.AreSeveral)
            return Scan(images, size, cropRatio, grayscale, step, together.Token, isKnown);
        DatasetScan? own = null;
        together.Run(() => own = Scan(together.Ranks.Share.Take(images), size, cropRatio, grayscale, step, together.Token, isKnown, together.Ranks.Processors));
        var numbers = images.Index().ToDictionary(image => image.Item, image => image.Index);
        var parts = together.Gather(new Part(
            [.. own!.Readable.Select(image => numbers[image])], [.. own.Readable.SelectMany(image => (int[])[image.Extent.Width, image.Extent.Height])], own.Broken, own.Digests, own.Histograms));
        foreach (var part in parts)
            foreach (var (i, number) in part.Readable.Index())
                images[number].Extent = (part.Extents[2 * i], part.Extents[2 * i + 1]);
        return new DatasetScan(
            [.. parts.SelectMany(part => part.Readable).Select(number => images[number])],
            [.. parts.SelectMany(part => part.Broken)],
            [.. parts.SelectMany(part => part.Digests)],
            [.. own.Histograms.Select((channel, c) => channel.Select((_, value) => parts.Sum(part => part.Histograms[c][value])).ToArray())]);
    }

    /// <param name="images">The images.</param>
    /// <param name="size">The height and width of the network's input.</param>
    /// <param name="cropRatio">The side of the center crop, as a share of an image's shorter side.</param>
    /// <param name="grayscale">Whether the images have one channel instead of three.</param>
    /// <param name="step">Called after each image, from several threads.</param>
    /// <param name="cancellation">Stops the scan.</param>
    /// <param name="isKnown">Whether an image with a given digest was decoded before. It is then not decoded again, and its values are not counted. Null decodes all.</param>
    /// <param name="processors">The number of threads; null uses all processors.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static DatasetScan Scan(IReadOnlyList<Image> images, int size, double cropRatio, bool grayscale, Action step, CancellationToken cancellation, Func<string, bool>? isKnown = null, int? processors = null)
    {
        var problems = new string?[images.Count];
        var digests = new string[images.Count];
        var histograms = CreateHistograms();
        Parallel.For(
            0,
            images.Count,
            new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = processors ?? Environment.ProcessorCount },
            CreateHistograms,
            (i, _, own) =>
            {
                try
                {
                    digests[i] = images[i].ComputeDigest();
                    if (isKnown is null || !isKnown(digests[i]))
                        Count(images[i], size, cropRatio, grayscale, own);
                }
                catch (UserException problem)
                {
                    problems[i] = problem.Message;
                }
                step();
                return own;
            },
            own =>
            {
                lock (problems)
                    foreach (var (sum, part) in histograms.Zip(own))
                        for (var value = 0; value < sum.Length; value++)
                            sum[value] += part[value]; // integer sums do not depend on the order
            });
        return new DatasetScan([.. images.Where((_, i) => problems[i] is null)], [.. problems.OfType<string>()], [.. digests.Where((_, i) => problems[i] is null)], histograms);

        long[][] CreateHistograms() => [.. Enumerable.Range(0, grayscale ? 1 : 3).Select(_ => new long[256])];
    }

    /// <summary>A rank's share of the result.</summary>
    /// <param name="Readable">The indices of the readable images in the list of all images.</param>
    /// <param name="Extents">The width and height of each readable image.</param>
    /// <param name="Broken">As in the result.</param>
    /// <param name="Digests">As in the result.</param>
    /// <param name="Histograms">As in the result.</param>
    private sealed record Part(int[] Readable, int[] Extents, IReadOnlyList<string> Broken, IReadOnlyList<string> Digests, long[][] Histograms);

    private static void Count(Image image, int size, double cropRatio, bool grayscale, long[][] histograms)
    {
        using var pixels = image.Decode(size);
        image.Extent = (pixels.Width, pixels.Height);
        // Counts neither a black margin nor pixels that enlarging would add: they are not part of the image.
        var crop = Crop.CreateCenter(pixels.Width, pixels.Height, Math.Min(1, cropRatio));
        using var canvas = new Canvas(Math.Min(size, (int)crop.Width), grayscale);
        canvas.Draw(pixels, crop);
        var values = new byte[canvas.Size * canvas.Size];
        for (var channel = 0; channel < canvas.Channels; channel++)
        {
            canvas.Read(channel, values);
            var histogram = histograms[channel];
            foreach (var value in values)
                histogram[value]++;
        }
    }
}
