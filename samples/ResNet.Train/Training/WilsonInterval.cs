namespace ResNet.Train;

/// <summary>Wilson's score interval of a proportion, which holds for few images and for proportions near 0 and 1.</summary>
internal static class WilsonInterval
{
    private const double Z = 1.959964; // for 95 %

    /// <param name="successes">The number of successes.</param>
    /// <param name="count">The number of trials, at least 1.</param>
    public static (double Low, double High) Find(int successes, int count)
    {
        var share = (double)successes / count;
        var middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count);
        var half = Z / (1 + Z * Z / count) * Math.Sqrt(share * (1 - share) / count + Z * Z / (4.0 * count * count));
        return (Math.Max(0, middle - half), Math.Min(1, middle + half));
    }
}
