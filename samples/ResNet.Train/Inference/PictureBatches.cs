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
    /// <returns>Shape (number of images, D), on the CPU. The caller owns it.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">An image cannot be read any more.</exception>
    public static Tensor Run(IReadOnlyList<Picture> pictures, NetworkInfo network, Func<Batch, Tensor> run, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var outputs = new List<Tensor>();
        foreach (var part in Stream(pictures, network, run, cancellation))
        {
            if (part.Broken is [var problem, ..])
                throw new UserException(problem);
            outputs.Add(part.Outputs);
        }
        return cat(outputs).MoveToOuterDisposeScope();
    }

    /// <summary>The same part by part, whatever the number of images, and without those that cannot be read.</summary>
    /// <param name="pictures">They are taken as they are needed.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="run">What the network makes of a batch, shape (N, D).</param>
    /// <param name="cancellation">Ends it between two batches.</param>
    /// <returns>In the order of the images. The caller owns each part.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public static IEnumerable<NetworkOutputs> Stream(IEnumerable<Picture> pictures, NetworkInfo network, Func<Batch, Tensor> run, CancellationToken cancellation)
    {
        foreach (var images in Batches.Of(pictures.Chunk(Math.Max(LeastAtOnce, PixelsAtOnce / (network.Size * network.Size))), part => ReadableImages.Read(part, network)))
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
