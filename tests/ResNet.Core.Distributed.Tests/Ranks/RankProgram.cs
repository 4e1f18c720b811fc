using System.Diagnostics;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>Runs ResNet.Core.Distributed.Ranks, whose processes are the ranks, under a launcher.</summary>
internal sealed class RankProgram : IDisposable
{
    /// <summary>The time limit of a scenario that succeeds. It is generous, since another test project may be running at the same time.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>How long after the scenario's own deadline all ranks may take to end: ten seconds, doubled for a busy machine.</summary>
    private static readonly TimeSpan FailureLimit = TimeSpan.FromSeconds(20);

    private readonly string _marker;
    private readonly int _ranks;
    private readonly Child _launcher;

    private RankProgram(string marker, int ranks, ProcessStartInfo start) => (_marker, _ranks, _launcher) = (marker, ranks, Child.Start(start));

    public int LauncherId => _launcher.Id;

    /// <summary>Runs a scenario that must succeed.</summary>
    public static RankResult Run(MpiKind mpi, int ranks, params string[] scenario)
    {
        using var program = Start(mpi, ranks, scenario);
        return program.AssertSucceeds();
    }

    /// <summary>Runs a scenario that must fail: with a non-zero exit code, soon after its deadline, and with no process left.</summary>
    public static RankResult RunExpectingFailure(MpiKind mpi, int ranks, params string[] scenario)
    {
        using var program = Start(mpi, ranks, scenario);
        return program.AssertFails();
    }

    /// <summary>Runs a scenario without a launcher. It must succeed.</summary>
    public static RankResult RunAlone(params string[] scenario)
    {
        using var program = Start("", 1, [], scenario, []);
        return program.AssertSucceeds();
    }

    public static RankProgram Start(MpiKind mpi, int ranks, string[] scenario, params (string Name, string Value)[] environment) =>
        Start(MpiLauncher.Find(mpi)!, ranks, MpiLauncher.Arguments(mpi, ranks), scenario, environment);

    /// <param name="launcher">The path of the launcher; empty for none.</param>
    /// <param name="ranks">The number of ranks that the options ask for.</param>
    /// <param name="options">The launcher's arguments before the program.</param>
    /// <param name="scenario">The arguments of the program.</param>
    /// <param name="environment">Variables in addition to the tests' own environment.</param>
    public static RankProgram Start(string launcher, int ranks, IEnumerable<string> options, string[] scenario, params (string Name, string Value)[] environment)
    {
        var marker = Guid.NewGuid().ToString("N");
        var sharedMemory = Directory.CreateDirectory(GetSharedMemoryPath(marker));
        string[] program = [DotnetHost.Path, Assembly, .. scenario];
        string[] command = launcher.Length == 0 ? program : [launcher, .. options, .. program];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            Environment =
            {
                [Processes.Marker] = marker,
                // An aborted Open MPI leaves its shared memory behind. Dispose can delete it here.
                ["OMPI_MCA_btl_vader_backing_directory"] = sharedMemory.FullName,
            },
        };
        foreach (var (name, value) in MpiLauncher.Environment.Select(variable => (variable.Key, variable.Value)).Concat(environment))
            start.Environment[name] = value;
        return new RankProgram(marker, ranks, start);
    }

    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "ResNet.Core.Distributed.Ranks.dll");

    public RankResult AssertSucceeds()
    {
        var result = _launcher.End(Limit).AssertSucceeded();
        Processes.ExpectNone(_marker, result);
        return new RankResult(result, _ranks);
    }

    /// <summary>Asserts that the ranks join and then fail as <see cref="RunExpectingFailure"/> says.</summary>
    public RankResult AssertFails(TimeSpan deadline = default)
    {
        WaitForAll("pid");
        return AssertFailsToJoin(deadline);
    }

    /// <summary>Asserts the failure without waiting for the ranks to join.</summary>
    public RankResult AssertFailsToJoin(TimeSpan deadline = default)
    {
        var result = _launcher.End(deadline + FailureLimit);
        Assert.True(result.Code != 0, $"{result.Command} ended with 0, expected a failure:\n{result.Output}");
        Processes.ExpectNone(_marker, result);
        return new RankResult(result, _ranks);
    }

    /// <summary>Waits until every rank has reported a value or the launcher has ended.</summary>
    public void WaitForAll(string name) => _launcher.WaitFor(output => RankResult.ParseValues(output, name).Count() >= _ranks, Limit);

    public void Dispose()
    {
        _launcher.Dispose();
        Processes.Kill(_marker);
        Directory.Delete(GetSharedMemoryPath(_marker), recursive: true);
    }

    private static string GetSharedMemoryPath(string marker) => Path.Combine(Path.GetTempPath(), marker);
}
