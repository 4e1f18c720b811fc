using System.Globalization;

namespace ResNet.Degradation;

/// <summary>The errors at the end of the training, one line per network, with mean and standard deviation over several seeds.</summary>
internal static class Table
{
    private static readonly string[] Header = ["network", "seeds", "training error %", "test error %", "the paper's test error % on CIFAR-10"];

    /// <param name="epochs">The epochs of all networks and seeds.</param>
    /// <param name="last">The number of the last epoch. Networks that did not reach it are left out.</param>
    public static IEnumerable<string> Format(IReadOnlyCollection<Epoch> epochs, int last)
    {
        var rows = new List<string[]> { Header };
        foreach (var variant in Variant.All)
        {
            var ends = FindEnds(epochs, variant, last);
            if (ends.Length > 0)
                rows.Add([variant.Name, $"{ends.Length}", FormatMean(ends, e => e.TrainingError), FormatMean(ends, e => e.TestError),
                    variant.PaperTestError?.ToString("0.00", CultureInfo.InvariantCulture) ?? "-"]);
        }
        if (rows.Count == 1)
            yield break;

        var widths = Enumerable.Range(0, Header.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            yield return string.Join("  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])));
    }

    /// <returns>How 36 more layers change the training error of each kind, in one line; null if a network did not reach the last epoch.</returns>
    public static string? FormatGaps(IReadOnlyCollection<Epoch> epochs, int last)
    {
        var errors = Variant.All.ToDictionary(variant => variant, variant => FindEnds(epochs, variant, last).Select(end => end.TrainingError).ToArray());
        if (errors.Values.Any(ends => ends.Length == 0))
            return null;

        var (shallow, deep) = (Variant.All.Min(variant => variant.Layers), Variant.All.Max(variant => variant.Layers));
        var gaps = Enum.GetValues<Kind>().Select(kind => $"{kind.ToString().ToLowerInvariant()} {ComputeMean(kind, deep) - ComputeMean(kind, shallow):+0.00;-0.00} points");
        return $"{deep} layers against {shallow}, training error: {string.Join(", ", gaps)}";

        double ComputeMean(Kind kind, int layers) => errors.Single(entry => entry.Key.Kind == kind && entry.Key.Layers == layers).Value.Average();
    }

    private static Epoch[] FindEnds(IEnumerable<Epoch> epochs, Variant variant, int last) =>
        [.. epochs.Where(epoch => epoch.Variant == variant && epoch.Number == last)];

    private static string FormatMean(Epoch[] ends, Func<Epoch, double> error)
    {
        var mean = ends.Average(error);
        if (ends.Length == 1)
            return $"{mean:0.00}";

        // The sample's standard deviation, hence one less than the count
        var deviation = Math.Sqrt(ends.Sum(end => Math.Pow(error(end) - mean, 2)) / (ends.Length - 1));
        return $"{mean:0.00} ± {deviation:0.00}";
    }
}
