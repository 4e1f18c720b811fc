namespace ResNet.Train;

/// <summary>What makes the values of each channel have mean 0 and standard deviation 1 over the training pictures.</summary>
/// <param name="Mean">Of each channel, on a scale of 0 to 1.</param>
/// <param name="StandardDeviation">Of each channel, on the same scale.</param>
internal sealed record Normalisation(double[] Mean, double[] StandardDeviation)
{
    /// <summary>Of the images of ImageNet, with which torchvision has trained its networks.</summary>
    public static Normalisation ImageNet { get; } = new([.. Core.PretrainedWeights.ResNet18_ImageNet1K_V1.Mean], [.. Core.PretrainedWeights.ResNet18_ImageNet1K_V1.StandardDeviation]);

    /// <summary>Whether images have as many channels: one mean is for grey ones alone.</summary>
    public bool Fits(bool grey) => grey || Mean.Length > 1;

    /// <param name="histograms">How often each of the 256 values comes up, channel by channel.</param>
    public static Normalisation Of(long[][] histograms)
    {
        var mean = histograms.Select(histogram => Average(histogram, value => value)).ToArray();
        var deviation = histograms.Zip(mean, (histogram, m) =>
            histogram.Count(count => count > 0) > 1 ? Math.Sqrt(Average(histogram, value => (value - m) * (value - m))) : 1); // pictures of one value have none
        return new Normalisation(mean, [.. deviation]);

        static double Average(long[] histogram, Func<double, double> of) =>
            histogram.Select((count, value) => count * of(value / 255.0)).Sum() / Math.Max(1, histogram.Sum());
    }

    /// <summary>The normalised value of each of the 256, for each channel.</summary>
    public float[][] Tables() =>
        [.. Mean.Zip(StandardDeviation, (mean, deviation) => Enumerable.Range(0, 256).Select(value => (float)((value / 255.0 - mean) / deviation)).ToArray())];
}
