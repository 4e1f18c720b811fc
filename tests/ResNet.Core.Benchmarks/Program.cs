using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using ResNet.Core.Benchmarks;
using ResNet.Core.Benchmarks.Gpu;

if (args is ["gpu", .. var rest])
    return GpuTable.Run(rest);

var job = Job.Default
    .WithWarmupCount(2)
    .WithIterationCount(20)
    // BenchmarkDotNet would collect the naive port's garbage between the iterations, which nobody does in training.
    .WithGcForce(false)
    // BenchmarkDotNet runs each case in a process of its own, built from a project that it generates below this one and
    // that ignores Directory.Build.props: from there come the backend and the native library's fix.
    .WithArguments(MSBuild("ImportDirectoryBuildProps=true", "UseCurrentRuntimeIdentifier=true", "MSBuildTreatWarningsAsErrors=false"));

var config = DefaultConfig.Instance
    .AddJob(job)
    .AddDiagnoser(new PeakMemoryDiagnoser())
    // Two classes with the same parameters are two comparisons, where each has a category.
    .AddLogicalGroupRules(BenchmarkLogicalGroupRule.ByCategory)
    .AddColumn(StatisticColumn.Median, new PeakShareColumn())
    .HideColumns(Column.Job, Column.Error, Column.RatioSD, Column.Arguments)
    .WithOptions(ConfigOptions.JoinSummary);

BenchmarkSwitcher.FromAssembly(typeof(TrainingStep).Assembly).Run(args.Length == 0 ? ["--filter", "*"] : args, config);
return 0;

static Argument[] MSBuild(params string[] properties) => [.. properties.Select(property => new MsBuildArgument($"-p:{property}"))];
