namespace ResNet.Train;

/// <summary>The training images of an epoch in batches, shuffled and augmented.</summary>
/// <param name="images">All training images, with their extents if there are several ranks.</param>
/// <param name="network">The model config.</param>
/// <param name="recipe">The recipe, with the batch size and the augmentation.</param>
/// <param name="seed">The training's seed.</param>
/// <param name="share">This rank's share of each batch; null is the whole batch.</param>
/// <param name="classWeights">The weight of an image of each class; null is 1.</param>
/// <param name="processors">The number of threads that make batches; null uses all processors.</param>
internal sealed class TrainingBatches(
    IReadOnlyList<Image> images, ModelConfig network, Recipe recipe, int seed, Share? share = null, double[]? classWeights = null, int? processors = null)
{
    private readonly Share _share = share ?? Share.Whole;

    /// <summary>The number of batches per epoch.</summary>
    public int Count => (images.Count + recipe.BatchSize - 1) / recipe.BatchSize;

    /// <summary>The number of images in the smallest batch.</summary>
    public int LeastSize => images.Count / Count;

    /// <summary>Yields an epoch's batches. They depend only on the seed and the epoch's number, so a resumed training sees the same ones, on any number of ranks.</summary>
    /// <exception cref="UserException">An image can no longer be read.</exception>
    public IEnumerable<Batch> LoadEpoch(int number)
    {
        var random = new Random(unchecked(seed * 10_007 + number));
        var shuffled = images.ToArray();
        random.Shuffle(shuffled);

        // Each batch has its own seed, so the order in which threads make them does not matter.
        var parts = Enumerable.Range(0, Count).Select(step => (Images: shuffled[FindStart(step)..FindStart(step + 1)], Seed: random.Next()));
        return Batches.Prefetch(parts, part => Make(part.Images, part.Seed), processors);

        // Equal batches rather than a small last one, whose batch statistics would be poor
        int FindStart(int step) => (int)((long)shuffled.Length * step / Count);
    }

    private Batch Make(Image[] all, int seed)
    {
        var augmentation = new Augmentation(recipe, seed);
        var own = _share.FindRange(all.Length);
        foreach (var before in all[..own.Start])
            augmentation.Skip(before.Extent, network.Size);
        var batch = Batch.Decode(all[own], network, augmentation);
        return batch with { CountOfAll = all.Length, Weight = SumWeights(all[own]) / SumWeights(all) };
    }

    private double SumWeights(Image[] some) => classWeights is null ? some.Length : some.Sum(image => classWeights[image.Label]);
}
