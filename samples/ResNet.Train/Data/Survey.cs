namespace ResNet.Train;

/// <summary>
/// A look at every picture before the training: which of them can be read, and which values they have. It takes about as long
/// as an epoch's reading, and no training ends at its ten thousandth picture.
/// </summary>
/// <param name="Readable">In their order.</param>
/// <param name="Broken">What is wrong with each of the others.</param>
/// <param name="Digests">Of each that can be read.</param>
/// <param name="Histograms">How often each value comes up, channel by channel. A large picture counts no more than one of the size that the network sees.</param>
internal sealed record Survey(IReadOnlyList<Picture> Readable, IReadOnlyList<string> Broken, IReadOnlyList<string> Digests, long[][] Histograms)
{
    /// <summary>A look that all ranks share, each of which gets the whole.</summary>
    /// <inheritdoc cref="Of"/>
    public static Survey OfAll(IReadOnlyList<Picture> pictures, int size, double frame, bool grey, Action step, Together together, IReadOnlySet<string>? known)
    {
        if (!together.Ranks.AreSeveral)
            return Of(pictures, size, frame, grey, step, together.Token, known);
        Survey? own = null;
        together.Run(() => own = Of(together.Ranks.Share.Of(pictures), size, frame, grey, step, together.Token, known, together.Ranks.Processors));
        var numbers = pictures.Index().ToDictionary(picture => picture.Item, picture => picture.Index);
        var parts = together.Gather(new Part(
            [.. own!.Readable.Select(picture => numbers[picture])], [.. own.Readable.SelectMany(picture => (int[])[picture.Extent.Width, picture.Extent.Height])], own.Broken, own.Digests, own.Histograms));
        foreach (var part in parts)
            foreach (var (i, number) in part.Readable.Index())
                pictures[number].Extent = (part.Extents[2 * i], part.Extents[2 * i + 1]);
        return new Survey(
            [.. parts.SelectMany(part => part.Readable).Select(number => pictures[number])],
            [.. parts.SelectMany(part => part.Broken)],
            [.. parts.SelectMany(part => part.Digests)],
            [.. own.Histograms.Select((channel, c) => channel.Select((_, value) => parts.Sum(part => part.Histograms[c][value])).ToArray())]);
    }

    /// <param name="pictures">To look at.</param>
    /// <param name="size">Height and width that the network sees them in.</param>
    /// <param name="frame">The square that it sees, as a share of a picture's shorter side.</param>
    /// <param name="grey">Whether they have one channel in place of three.</param>
    /// <param name="step">Called after each picture, from several threads.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="known">Digests of images that were decoded before and need not be again: their values are then not counted. Null is none.</param>
    /// <param name="processors">How many look; null is all.</param>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public static Survey Of(IReadOnlyList<Picture> pictures, int size, double frame, bool grey, Action step, CancellationToken cancellation, IReadOnlySet<string>? known = null, int? processors = null)
    {
        var problems = new string?[pictures.Count];
        var digests = new string[pictures.Count];
        var histograms = Empty();
        Parallel.For(
            0,
            pictures.Count,
            new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = processors ?? Environment.ProcessorCount },
            Empty,
            (i, _, own) =>
            {
                try
                {
                    digests[i] = pictures[i].Digest();
                    if (known is null || !known.Contains(FeatureFile.Key(digests[i])))
                        Count(pictures[i], size, frame, grey, own);
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
                            sum[value] += part[value]; // whole numbers: the same in whatever order
            });
        return new Survey([.. pictures.Where((_, i) => problems[i] is null)], [.. problems.OfType<string>()], [.. digests.Where((_, i) => problems[i] is null)], histograms);

        long[][] Empty() => [.. Enumerable.Range(0, grey ? 1 : 3).Select(_ => new long[256])];
    }

    /// <summary>What a rank tells the others of its share.</summary>
    /// <param name="Readable">Numbers in the list of all pictures.</param>
    /// <param name="Extents">Width and height of each of these.</param>
    /// <param name="Broken">As in the whole.</param>
    /// <param name="Digests">As in the whole.</param>
    /// <param name="Histograms">As in the whole.</param>
    private sealed record Part(int[] Readable, int[] Extents, IReadOnlyList<string> Broken, IReadOnlyList<string> Digests, long[][] Histograms);

    private static void Count(Picture picture, int size, double frame, bool grey, long[][] histograms)
    {
        using var image = picture.Decode(size);
        picture.Extent = (image.Width, image.Height);
        // Neither the black around a picture nor what enlarging it would add: they are no part of it.
        var middle = Window.Middle(image.Width, image.Height, Math.Min(1, frame));
        using var canvas = new Canvas(Math.Min(size, (int)middle.Width), grey);
        canvas.Draw(image, middle);
        var pixels = new byte[canvas.Size * canvas.Size];
        for (var channel = 0; channel < canvas.Channels; channel++)
        {
            canvas.Read(channel, pixels);
            var histogram = histograms[channel];
            foreach (var pixel in pixels)
                histogram[pixel]++;
        }
    }
}
