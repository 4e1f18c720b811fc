namespace ResNet.Train;

/// <summary>How far the share in a sample may be from the true one: Wilson's score interval, which holds for few images and for shares near 0 and 1.</summary>
internal static class WilsonInterval
{
    private const double Z = 1.959964; // of 95 %

    /// <param name="successes">How many of them.</param>
    /// <param name="count">At least 1.</param>
    public static (double Low, double High) Find(int successes, int count)
    {
        var share = (double)successes / count;
        var middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count);
        var half = Z / (1 + Z * Z / count) * Math.Sqrt(share * (1 - share) / count + Z * Z / (4.0 * count * count));
        return (Math.Max(0, middle - half), Math.Min(1, middle + half));
    }
}
