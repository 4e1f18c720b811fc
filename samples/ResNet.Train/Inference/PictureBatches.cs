using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Gives images to a network in batches; the next ones are decoded on other threads meanwhile.</summary>
internal static class PictureBatches
{
    /// <summary>At a time: 250 images of 32x32, or fewer larger ones.</summary>
    private const int PixelsAtOnce = 256_000, LeastAtOnce = 16;

    /// <param name="pictures">In the order of the result; one at least.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="run">What the network makes of a batch, shape (N, D).</param>
    /// <param name="cancellation">Ends it between two batches.</param>
    /// <param name="processors">How many decode the images; null is all.</param>
    /// <returns>Shape (number of images, D), on the CPU. The caller owns it.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">An image cannot be read any more.</exception>
    public static Tensor Run(IReadOnlyList<Picture> pictures, NetworkInfo network, Func<Batch, Tensor> run, CancellationToken cancellation, int? processors = null)
    {
        using var scope = NewDisposeScope();
        var outputs = new List<Tensor>();
        foreach (var part in Stream(pictures, network, run, cancellation, processors))
        {
            if (part.Broken is [var problem, ..])
                throw new UserException(problem);
            outputs.Add(part.Outputs);
        }
        return cat(outputs).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The same, shared by all ranks, each of which gets the whole. They share the batches that one process would make: what a network makes of
    /// an image may depend, in the last bit, on the number of images in its batch.
    /// </summary>
    /// <inheritdoc cref="Run(IReadOnlyList{Picture}, NetworkInfo, Func{Batch, Tensor}, CancellationToken, int?)"/>
    public static Tensor Run(IReadOnlyList<Picture> pictures, NetworkInfo network, Func<Batch, Tensor> run, Together together)
    {
        if (!together.Ranks.AreSeveral)
            return Run(pictures, network, run, together.Token);
        using var scope = NewDisposeScope();
        var own = OwnOf(pictures.Count, network, together.Ranks);
        Tensor? outputs = null;
        together.Run(() =>
        {
            if (own.Count > 0)
                outputs = Run([.. pictures.Skip(own.Start).Take(own.Count)], network, run, together.Token, together.Ranks.Processors);
        });
        var columns = together.Gather(outputs?.shape[1] ?? 0).Max(); // which a rank without images does not know
        var all = zeros([pictures.Count, columns]);
        if (outputs is not null)
            all.narrow(0, own.Start, own.Count).copy_(outputs);
        together.Ranks.Sum(all);
        return all.MoveToOuterDisposeScope();
    }

    /// <summary>The images of whole batches that are a rank's.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="ranks">Who shares them.</param>
    public static (int Start, int Count) OwnOf(int count, NetworkInfo network, Ranks ranks)
    {
        var atOnce = AtOnce(network);
        var batches = ranks.Share.Of((count + atOnce - 1) / atOnce);
        var (start, end) = (Math.Min(batches.Start.Value * atOnce, count), Math.Min(batches.End.Value * atOnce, count));
        return (start, end - start);
    }

    private static int AtOnce(NetworkInfo network) => Math.Max(LeastAtOnce, PixelsAtOnce / (network.Size * network.Size));

    /// <summary>The same part by part, whatever the number of images, and without those that cannot be read.</summary>
    /// <param name="pictures">They are taken as they are needed.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="run">What the network makes of a batch, shape (N, D).</param>
    /// <param name="cancellation">Ends it between two batches.</param>
    /// <param name="processors">How many decode the images; null is all.</param>
    /// <returns>In the order of the images. The caller owns each part.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public static IEnumerable<NetworkOutputs> Stream(
        IEnumerable<Picture> pictures, NetworkInfo network, Func<Batch, Tensor> run, CancellationToken cancellation, int? processors = null)
    {
        foreach (var images in Batches.Of(pictures.Chunk(AtOnce(network)), part => ReadableImages.Read(part, network), processors))
        {
            using (images)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return Compute(images, run);
            }
        }
    }

    // Not in the iterator, whose scopes would last as long as the caller looks at what it gave.
    private static NetworkOutputs Compute(ReadableImages images, Func<Batch, Tensor> run)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var outputs = images.Pictures.Length > 0 ? run(images.Batch).cpu() : empty(0, 0);
        return new NetworkOutputs(images.Pictures, images.Broken, outputs.MoveToOuterDisposeScope());
    }

    private sealed record ReadableImages(Picture[] Pictures, string[] Broken, Batch Batch) : IDisposable
    {
        public static ReadableImages Read(Picture[] part, NetworkInfo network)
        {
            var broken = new Dictionary<Picture, string>();
            var batch = Batch.Of(part, network, broken: broken);
            return new ReadableImages([.. part.Where(picture => !broken.ContainsKey(picture))], [.. broken.Values], batch);
        }

        public void Dispose() => Batch.Dispose();
    }
}
