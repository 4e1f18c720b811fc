namespace ResNet.Train;

/// <summary>The training pictures of an epoch, shuffled and augmented.</summary>
internal sealed class TrainingBatches(IReadOnlyList<Picture> pictures, NetworkInfo network, Recipe recipe, int seed)
{
    /// <summary>Batches an epoch.</summary>
    public int Count => (pictures.Count + recipe.BatchSize - 1) / recipe.BatchSize;

    /// <summary>Of the seed and the number alone: a training that is resumed with an epoch sees the same in it.</summary>
    /// <exception cref="UserException">A picture cannot be read any more.</exception>
    public IEnumerable<Batch> Epoch(int number)
    {
        var random = new Random(unchecked(seed * 10_007 + number));
        var shuffled = pictures.ToArray();
        random.Shuffle(shuffled);

        // Each has a seed of its own, so that it does not matter which thread makes which batch first.
        var parts = Enumerable.Range(0, Count).Select(step => (Pictures: shuffled[Start(step)..Start(step + 1)], Seed: random.Next()));
        return Batches.Of(parts, part => Batch.Of(part.Pictures, network, new Augmentation(recipe, part.Seed)));

        // Batches of equal size rather than a small one at the end, whose statistics would be poor
        int Start(int step) => (int)((long)shuffled.Length * step / Count);
    }
}
