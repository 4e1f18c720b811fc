namespace ResNet.Train;

/// <summary>The training pictures of an epoch, shuffled and augmented.</summary>
/// <param name="pictures">All of them, with their extents where the share is not the whole.</param>
/// <param name="network">How it sees them.</param>
/// <param name="recipe">The size of a batch, and the augmentation.</param>
/// <param name="seed">Of the training.</param>
/// <param name="share">What this rank makes of each batch; null is the whole.</param>
/// <param name="classWeights">What an image of each class counts; null is 1.</param>
/// <param name="processors">How many make batches; null is all.</param>
internal sealed class TrainingBatches(
    IReadOnlyList<Picture> pictures, NetworkInfo network, Recipe recipe, int seed, Share? share = null, double[]? classWeights = null, int? processors = null)
{
    private readonly Share _share = share ?? Share.Whole;

    /// <summary>Batches an epoch.</summary>
    public int Count => (pictures.Count + recipe.BatchSize - 1) / recipe.BatchSize;

    /// <summary>Pictures in the smallest batch.</summary>
    public int LeastSize => pictures.Count / Count;

    /// <summary>Of the seed and the number alone: a training that is resumed with an epoch sees the same in it, on however many ranks.</summary>
    /// <exception cref="UserException">A picture cannot be read any more.</exception>
    public IEnumerable<Batch> Epoch(int number)
    {
        var random = new Random(unchecked(seed * 10_007 + number));
        var shuffled = pictures.ToArray();
        random.Shuffle(shuffled);

        // Each has a seed of its own, so that it does not matter which thread makes which batch first.
        var parts = Enumerable.Range(0, Count).Select(step => (Pictures: shuffled[Start(step)..Start(step + 1)], Seed: random.Next()));
        return Batches.Of(parts, part => Make(part.Pictures, part.Seed), processors);

        // Batches of equal size rather than a small one at the end, whose statistics would be poor
        int Start(int step) => (int)((long)shuffled.Length * step / Count);
    }

    private Batch Make(Picture[] all, int seed)
    {
        var augmentation = new Augmentation(recipe, seed);
        var own = _share.Of(all.Length);
        foreach (var before in all[..own.Start])
            augmentation.Skip(before.Extent, network.Size);
        var batch = Batch.Of(all[own], network, augmentation);
        return batch with { CountOfAll = all.Length, Weight = WeightOf(all[own]) / WeightOf(all) };
    }

    private double WeightOf(Picture[] some) => classWeights is null ? some.Length : some.Sum(picture => classWeights[picture.Label]);
}
