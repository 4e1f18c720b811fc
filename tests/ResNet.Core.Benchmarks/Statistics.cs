namespace ResNet.Core.Benchmarks;

internal static class Statistics
{
    public static double ComputeMedian(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
