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
        using var _ = no_grad();
        var outputs = new List<Tensor>();
        foreach (var made in Batches.Of(pictures.Chunk(Math.Max(LeastAtOnce, PixelsAtOnce / (network.Size * network.Size))), part => Batch.Of(part, network)))
        {
            using var batch = made;
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            outputs.Add(run(batch).cpu().MoveToOuterDisposeScope());
        }
        return cat(outputs).MoveToOuterDisposeScope();
    }
}
