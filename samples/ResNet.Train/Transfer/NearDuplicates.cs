using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// Images of one class that show the same thing almost in the same way, such as two photographs of one apple. Where one is learned from
/// and the other tested with, the accuracy is better than it will be for other things.
/// </summary>
internal static class NearDuplicates
{
    /// <summary>
    /// The least cosine of standardized features. Among 520 photographs of fruit, every fourth has such a neighbour, which mostly is the same fruit on the
    /// same shelf; between them and 512 photographs of the same set for the test, one in fifty has.
    /// </summary>
    private const double Cosine = 0.8;

    /// <param name="part">Images whose duplicates are looked for, shape (N, features).</param>
    /// <param name="labels">Their classes, shape (N).</param>
    /// <param name="others">Where they are looked for, shape (M, features).</param>
    /// <param name="otherLabels">Their classes, shape (M).</param>
    /// <param name="same">Whether both are the same images: none is a duplicate of itself.</param>
    /// <returns>Of each image of the part that has one, its index and that of the most similar of the others; the most similar pair first.</returns>
    public static IReadOnlyList<(int Image, int Other)> Find(Tensor part, Tensor labels, Tensor others, Tensor otherLabels, bool same)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (deviation, mean) = std_mean(others, [0], unbiased: false, keepdim: true);
        var similarity = matmul(Directions(part), Directions(others).t()).masked_fill(labels.unsqueeze(1).ne(otherLabels), -1);
        if (same)
            similarity.diagonal().fill_(-1);
        var (nearest, index) = similarity.max(1);
        return [.. nearest.data<float>().ToArray().Zip(index.data<long>().ToArray()).Index()
            .Where(image => image.Item.First >= Cosine).OrderByDescending(image => image.Item.First).Select(image => (image.Index, (int)image.Item.Second))];

        Tensor Directions(Tensor features) => nn.functional.normalize((features - mean) / deviation.clamp(min: 1e-6), dim: 1);
    }
}
