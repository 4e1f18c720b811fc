using System.Diagnostics;
using System.Globalization;
using BenchmarkDotNet.Analysers;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Validators;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// The most memory that the case's process ever held, libtorch's included, which BenchmarkDotNet's own MemoryDiagnoser
/// does not see; where the case runs in a Python that the process started, that Python's. Linux and Windows keep this figure
/// for each process; macOS does not.
/// </summary>
internal sealed class PeakMemoryDiagnoser : IDiagnoser
{
    private static readonly Column PeakMemory = new("PeakMemory", "Peak memory", "The most memory that the process, or the Python that it started, held at any time, mean of its launches", "0 MB", 0);
    private static readonly Column MemoryRatio = new("MemoryRatio", "Memory ratio", "Peak memory ([Current]/[Baseline])", "0.00", 1);

    // Of each launch: how far the C library's heap is in pieces differs by a tenth from one to the next.
    private readonly Dictionary<BenchmarkCase, List<long>> peaks = [];

    public IEnumerable<string> Ids => [nameof(PeakMemoryDiagnoser)];

    public IEnumerable<IExporter> Exporters => [];

    public IEnumerable<IAnalyser> Analysers => [];

    public RunMode GetRunMode(BenchmarkCase benchmarkCase) => RunMode.NoOverhead;

    // The process is still there at this signal: it waits for the answer.
    public void Handle(HostSignal signal, DiagnoserActionParameters parameters)
    {
        if (signal != HostSignal.AfterActualRun) return;
        if (!peaks.TryGetValue(parameters.BenchmarkCase, out var launches))
            peaks.Add(parameters.BenchmarkCase, launches = []);
        launches.Add(Children(parameters.Process.Id).Append(parameters.Process).Max(process => process.PeakWorkingSet64));
    }

    /// <summary>What the main thread started: BenchmarkDotNet runs the case in it.</summary>
    private static IEnumerable<Process> Children(int process) => !OperatingSystem.IsLinux() ? [] :
        File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(child => Process.GetProcessById(int.Parse(child, CultureInfo.InvariantCulture)));

    public IEnumerable<Metric> ProcessResults(DiagnoserResults results)
    {
        var measured = results.BenchmarkCase;
        if (!peaks.TryGetValue(measured, out var launches) || launches.Average() is not (> 0 and var peak)) yield break;
        yield return new Metric(PeakMemory, peak / 1e6);

        var baseline = peaks.Keys.FirstOrDefault(other => IsBaselineOf(other, measured));
        if (baseline != null) yield return new Metric(MemoryRatio, peak / peaks[baseline].Average());
    }

    private static bool IsBaselineOf(BenchmarkCase other, BenchmarkCase measured) =>
        other.Descriptor.Baseline && other.Descriptor.Type == measured.Descriptor.Type && other.Parameters.DisplayInfo == measured.Parameters.DisplayInfo;

    public void DisplayResults(ILogger logger)
    {
    }

    public IEnumerable<ValidationError> Validate(ValidationParameters validationParameters) => [];

    private sealed record Column(string Id, string DisplayName, string Legend, string NumberFormat, int PriorityInCategory) : IMetricDescriptor
    {
        public UnitType UnitType => UnitType.Dimensionless;
        public string Unit => "";
        public bool TheGreaterTheBetter => false;

        public bool GetIsAvailable(Metric metric) => true;
    }
}
