using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Runs a network on images in batches, while other threads decode the next batches.</summary>
internal static class ImageBatches
{
    /// <summary>The batch size in pixels: 250 images of 32x32, or fewer larger ones.</summary>
    private const int PixelsAtOnce = 256_000, LeastAtOnce = 16;

    /// <param name="images">The images, at least one.</param>
    /// <param name="network">The model config.</param>
    /// <param name="run">Computes the outputs of a batch, shape (N, D).</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <param name="processors">The number of decoding threads; null uses all processors.</param>
    /// <returns>The outputs, shape (number of images, D), on the CPU. The caller owns them.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    /// <exception cref="UserException">An image can no longer be read.</exception>
    public static Tensor Run(IReadOnlyList<Image> images, ModelConfig network, Func<Batch, Tensor> run, CancellationToken cancellation, int? processors = null)
    {
        using var scope = NewDisposeScope();
        var outputs = new List<Tensor>();
        foreach (var part in Stream(images, network, run, cancellation, processors))
        {
            if (part.Broken is [var problem, ..])
                throw new UserException(problem);
            outputs.Add(part.Outputs);
        }
        return cat(outputs).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Runs on all ranks, each of which gets all outputs. The ranks share the batches of a single process, because the last bit of an output may
    /// depend on the batch size.
    /// </summary>
    /// <inheritdoc cref="Run(IReadOnlyList{Image}, ModelConfig, Func{Batch, Tensor}, CancellationToken, int?)"/>
    public static Tensor Run(IReadOnlyList<Image> images, ModelConfig network, Func<Batch, Tensor> run, Together together)
    {
        if (!together.Ranks.AreSeveral)
            return Run(images, network, run, together.Token);
        using var scope = NewDisposeScope();
        var own = FindOwn(images.Count, network, together.Ranks);
        Tensor? outputs = null;
        together.Run(() =>
        {
            if (own.Count > 0)
                outputs = Run([.. images.Skip(own.Start).Take(own.Count)], network, run, together.Token, together.Ranks.Processors);
        });
        var columns = together.Gather(outputs?.shape[1] ?? 0).Max(); // unknown on a rank without images
        var all = zeros([images.Count, columns]);
        if (outputs is not null)
            all.narrow(0, own.Start, own.Count).copy_(outputs);
        together.Ranks.Sum(all);
        return all.MoveToOuterDisposeScope();
    }

    /// <summary>Finds a rank's share, in whole batches.</summary>
    /// <param name="count">The number of images.</param>
    /// <param name="network">The model config.</param>
    /// <param name="ranks">The ranks.</param>
    public static (int Start, int Count) FindOwn(int count, ModelConfig network, Ranks ranks)
    {
        var atOnce = FindBatchSize(network);
        var batches = ranks.Share.FindRange((count + atOnce - 1) / atOnce);
        var (start, end) = (Math.Min(batches.Start.Value * atOnce, count), Math.Min(batches.End.Value * atOnce, count));
        return (start, end - start);
    }

    private static int FindBatchSize(ModelConfig network) => Math.Max(LeastAtOnce, PixelsAtOnce / (network.Size * network.Size));

    /// <summary>Yields the outputs batch by batch, for any number of images, and skips unreadable ones.</summary>
    /// <param name="images">The images, enumerated as needed.</param>
    /// <param name="network">The model config.</param>
    /// <param name="run">Computes the outputs of a batch, shape (N, D).</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <param name="processors">The number of decoding threads; null uses all processors.</param>
    /// <returns>The outputs in the order of the images. The caller owns each part.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static IEnumerable<NetworkOutputs> Stream(
        IEnumerable<Image> images, ModelConfig network, Func<Batch, Tensor> run, CancellationToken cancellation, int? processors = null)
    {
        foreach (var readable in Batches.Prefetch(images.Chunk(FindBatchSize(network)), part => ReadableImages.Read(part, network), processors))
        {
            using (readable)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return Compute(readable, run);
            }
        }
    }

    // Not inside the iterator, whose dispose scopes would stay open while the caller uses an element.
    private static NetworkOutputs Compute(ReadableImages readable, Func<Batch, Tensor> run)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var outputs = readable.Images.Length > 0 ? run(readable.Batch).cpu() : empty(0, 0);
        return new NetworkOutputs(readable.Images, readable.Broken, outputs.MoveToOuterDisposeScope());
    }

    private sealed record ReadableImages(Image[] Images, string[] Broken, Batch Batch) : IDisposable
    {
        public static ReadableImages Read(Image[] part, ModelConfig network)
        {
            var broken = new Dictionary<Image, string>();
            var batch = Batch.Decode(part, network, broken: broken);
            return new ReadableImages([.. part.Where(image => !broken.ContainsKey(image))], [.. broken.Values], batch);
        }

        public void Dispose() => Batch.Dispose();
    }
}
