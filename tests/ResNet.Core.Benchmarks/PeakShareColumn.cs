using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// How fast a case of <see cref="Engines"/> computes, as a share of <see cref="MatrixProduct"/> in the same run. More than 1 is possible
/// with int8.
/// </summary>
internal sealed class PeakShareColumn : IColumn
{
    public string Id => nameof(PeakShareColumn);

    public string ColumnName => "Of peak";

    public string Legend => "Floating-point operations a second as a share of a large matrix product's in the same run (medians)";

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 2;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => Product(summary) is not null;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => benchmarkCase.Descriptor.Type != typeof(Engines);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (benchmarkCase.Descriptor.Type != typeof(Engines) || Median(summary[benchmarkCase]) is not { } time || Product(summary) is not { } product)
            return "";
        var shape = ((string)benchmarkCase.Parameters[nameof(Engines.Images)]).Split('x').Select(long.Parse).ToArray();
        return $"{Operations(shape[0], shape[2]) / time / (MatrixProduct.Operations / product):0.00}";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    /// <summary>Floating-point operations of the convolutions for n square pictures: two for each weight, output pixel and picture.</summary>
    private static double Operations(long n, long size)
    {
        var side = Halved(size);
        var total = 3.0 * 64 * 49 * side * side;
        long channels = 64;
        foreach (var width in (long[])[64, 128, 256, 512])
        {
            if (width != channels)
            {
                side = Halved(side);
                total += 1.0 * channels * width * side * side; // the shortcut
            }
            total += 9.0 * (channels * width + 3 * width * width) * side * side;
            channels = width;
        }
        return 2 * n * total;

        static long Halved(long pixels) => (pixels + 1) / 2;
    }

    private static double? Product(Summary summary) => Median(summary.Reports.FirstOrDefault(report => report.BenchmarkCase.Descriptor.Type == typeof(MatrixProduct)));

    private static double? Median(BenchmarkReport? report) => report?.ResultStatistics?.Median;
}
