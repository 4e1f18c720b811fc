namespace ResNet.Train;

/// <summary>Normalizes each channel to mean 0 and standard deviation 1 over the training images.</summary>
/// <param name="Mean">The mean of each channel, on a scale of 0 to 1.</param>
/// <param name="StandardDeviation">The standard deviation of each channel, on the same scale.</param>
internal sealed record Normalization(double[] Mean, double[] StandardDeviation)
{
    /// <summary>ImageNet's normalization, which torchvision's networks were trained with.</summary>
    public static Normalization ImageNet { get; } = new([.. Core.PretrainedWeights.ResNet18_ImageNet1K_V1.Mean], [.. Core.PretrainedWeights.ResNet18_ImageNet1K_V1.StandardDeviation]);

    /// <summary>Whether the number of channels fits: a single mean is for grayscale images only.</summary>
    public bool Fits(bool grayscale) => grayscale || Mean.Length > 1;

    /// <param name="histograms">The count of each of the 256 values, channel by channel.</param>
    public static Normalization Compute(long[][] histograms)
    {
        var mean = histograms.Select(histogram => Average(histogram, value => value)).ToArray();
        var deviation = histograms.Zip(mean, (histogram, m) =>
            histogram.Count(count => count > 0) > 1 ? Math.Sqrt(Average(histogram, value => (value - m) * (value - m))) : 1); // images of a single value have deviation 0
        return new Normalization(mean, [.. deviation]);

        static double Average(long[] histogram, Func<double, double> function) =>
            histogram.Select((count, value) => count * function(value / 255.0)).Sum() / Math.Max(1, histogram.Sum());
    }

    /// <returns>The normalized values of all 256 pixel values, channel by channel.</returns>
    public float[][] CreateTables() =>
        [.. Mean.Zip(StandardDeviation, (mean, deviation) => Enumerable.Range(0, 256).Select(value => (float)((value / 255.0 - mean) / deviation)).ToArray())];
}
