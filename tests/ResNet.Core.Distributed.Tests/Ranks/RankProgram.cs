using System.Diagnostics;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The program whose processes are the ranks, under a launcher.</summary>
internal sealed class RankProgram : IDisposable
{
    /// <summary>For everything that goes well; another test project may be running beside this one.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>What a failure may take until all is over, beyond a deadline that was given: ten seconds, and as many for what else a machine does.</summary>
    private static readonly TimeSpan LimitOfFailure = TimeSpan.FromSeconds(20);

    private readonly string _marker;
    private readonly int _ranks;
    private readonly Child _launcher;

    private RankProgram(string marker, int ranks, ProcessStartInfo start) => (_marker, _ranks, _launcher) = (marker, ranks, Child.Start(start));

    public int LauncherId => _launcher.Id;

    /// <summary>A scenario that ends well.</summary>
    public static RankResult Run(MpiKind mpi, int ranks, params string[] scenario)
    {
        using var program = Start(mpi, ranks, scenario);
        return program.Ends();
    }

    /// <summary>A scenario that must fail: with a code, soon after its deadline, and with no process left.</summary>
    public static RankResult Fail(MpiKind mpi, int ranks, params string[] scenario)
    {
        using var program = Start(mpi, ranks, scenario);
        return program.Fails();
    }

    /// <summary>A scenario without a launcher.</summary>
    public static RankResult RunAlone(params string[] scenario)
    {
        using var program = Start("", 1, [], scenario, []);
        return program.Ends();
    }

    public static RankProgram Start(MpiKind mpi, int ranks, string[] scenario, params (string Name, string Value)[] environment) =>
        Start(MpiLauncher.Find(mpi)!, ranks, MpiLauncher.Arguments(mpi, ranks), scenario, environment);

    /// <param name="launcher">Its path; empty for none.</param>
    /// <param name="ranks">How many it is told to start.</param>
    /// <param name="options">What it takes before the program.</param>
    /// <param name="scenario">What the program is told.</param>
    /// <param name="environment">Beside the tests' own.</param>
    public static RankProgram Start(string launcher, int ranks, IEnumerable<string> options, string[] scenario, params (string Name, string Value)[] environment)
    {
        var marker = Guid.NewGuid().ToString("N");
        var shared = Directory.CreateDirectory(SharedMemory(marker));
        string[] program = [DotnetHost.Path, Assembly, .. scenario];
        string[] command = launcher.Length == 0 ? program : [launcher, .. options, .. program];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            Environment =
            {
                [Processes.Marker] = marker,
                // Open MPI leaves its shared memory behind when it is aborted: here it can be deleted.
                ["OMPI_MCA_btl_vader_backing_directory"] = shared.FullName,
            },
        };
        foreach (var (name, value) in MpiLauncher.Environment.Select(variable => (variable.Key, variable.Value)).Concat(environment))
            start.Environment[name] = value;
        return new RankProgram(marker, ranks, start);
    }

    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "ResNet.Core.Distributed.Ranks.dll");

    public RankResult Ends()
    {
        var result = _launcher.End(Limit).Succeeded();
        Processes.ExpectNone(_marker, result);
        return new RankResult(result, _ranks);
    }

    /// <summary>Fails as <see cref="Fail(MpiKind, int, string[])"/> says.</summary>
    public RankResult Fails(TimeSpan deadline = default)
    {
        WaitForAll("pid");
        return FailsAtOnce(deadline);
    }

    /// <summary>Fails before the ranks have said who they are.</summary>
    public RankResult FailsAtOnce(TimeSpan deadline = default)
    {
        var result = _launcher.End(deadline + LimitOfFailure);
        Assert.True(result.Code != 0, $"{result.Command} ended with 0, expected a failure:\n{result.Output}");
        Processes.ExpectNone(_marker, result);
        return new RankResult(result, _ranks);
    }

    /// <summary>Waits until every rank has told a value, or all is over.</summary>
    public void WaitForAll(string name) => _launcher.WaitFor(output => RankResult.Values(output, name).Count() >= _ranks, Limit);

    public void Dispose()
    {
        _launcher.Dispose();
        Processes.Kill(_marker);
        Directory.Delete(SharedMemory(_marker), recursive: true);
    }

    private static string SharedMemory(string marker) => Path.Combine(Path.GetTempPath(), marker);
}
