using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// Finds images of one class that show the same object in almost the same way, such as two photographs of one apple. With one in the training
/// and the other in the test, the accuracy is higher than it will be for new objects.
/// </summary>
internal static class NearDuplicates
{
    /// <summary>
    /// The least cosine of standardized features. Among 520 photographs of fruit, every fourth has such a neighbor, mostly the same fruit on the
    /// same shelf; of the dataset's 512 test photographs, one in fifty has one among the 520.
    /// </summary>
    private const double Cosine = 0.8;

    /// <param name="part">The features of the images to check, shape (N, features).</param>
    /// <param name="labels">Their classes, shape (N).</param>
    /// <param name="others">The features of the images to compare with, shape (M, features).</param>
    /// <param name="otherLabels">Their classes, shape (M).</param>
    /// <param name="same">Whether both are the same images, so that an image is no duplicate of itself.</param>
    /// <returns>For each image with a near-duplicate, its index and that of the most similar other image; the most similar pair first.</returns>
    public static IReadOnlyList<(int Image, int Other)> Find(Tensor part, Tensor labels, Tensor others, Tensor otherLabels, bool same)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (deviation, mean) = std_mean(others, [0], unbiased: false, keepdim: true);
        var similarity = matmul(ComputeDirections(part), ComputeDirections(others).t()).masked_fill(labels.unsqueeze(1).ne(otherLabels), -1);
        if (same)
            similarity.diagonal().fill_(-1);
        var (nearest, index) = similarity.max(1);
        return [.. nearest.data<float>().ToArray().Zip(index.data<long>().ToArray()).Index()
            .Where(image => image.Item.First >= Cosine).OrderByDescending(image => image.Item.First).Select(image => (image.Index, (int)image.Item.Second))];

        Tensor ComputeDirections(Tensor features) => nn.functional.normalize((features - mean) / deviation.clamp(min: 1e-6), dim: 1);
    }
}
