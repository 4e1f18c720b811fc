using System.Diagnostics;
using System.Reflection;
using System.Text;
using Xunit.Sdk;

namespace ResNet.Train.Tests;

/// <summary>A launcher of MPI, as a test's argument; without it the case is skipped.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class LauncherAttribute : DataAttribute
{
    private readonly string _name;

    public LauncherAttribute(string name)
    {
        _name = name;
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name))))
            Skip = $"There is no {name} here.";
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_name]];
}

/// <summary>The program as a launcher starts it, on two ranks. It ends with the test, whatever becomes of it.</summary>
internal sealed class Launched : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(100);

    private const string Mark = "RESNET_TRAIN_LAUNCH"; // in the environment of each rank

    private readonly string _mark = $"{Mark}={Guid.NewGuid()}";
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Task<string> _error;

    public Launched(string launcher, params string[] arguments)
    {
        string[] command = ["-np", "2", Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", SampleProgram.Assembly, .. arguments];
        _process = Process.Start(new ProcessStartInfo(launcher, command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                [Mark] = _mark[(Mark.Length + 1)..],
                ["OMP_NUM_THREADS"] = "1",
                ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
                ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
                ["OMPI_MCA_rmaps_base_oversubscribe"] = "1", // for a machine with one processor
            },
        })!;
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Reads until a line begins with the text.</summary>
    public void WaitFor(string text)
    {
        using var guard = Guard();
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            _output.AppendLine(line);
            if (line.StartsWith(text, StringComparison.Ordinal))
                return;
        }
        Assert.Fail($"expected a line {text}…, got\n{_output}\n{_error.Result}");
    }

    /// <param name="signal">By its name.</param>
    /// <param name="process">Which is to get it; null is the launcher.</param>
    public void Signal(string signal, int? process = null) => Process.Start("kill", [$"-{signal}", $"{process ?? _process.Id}"]).WaitForExit();

    /// <summary>The process of one rank, which must be there.</summary>
    public int Rank(int rank)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id) || id == _process.Id)
                continue;
            string[] variables;
            try
            {
                variables = File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // it has ended, or is another user's
            }
            if (variables.Contains(_mark) && (variables.Contains($"OMPI_COMM_WORLD_RANK={rank}") || variables.Contains($"PMI_RANK={rank}")))
                return id;
        }
        throw new InvalidOperationException($"expected a process of rank {rank}, found none");
    }

    public (int Code, string Output, string Error) End()
    {
        using var guard = Guard();
        _output.Append(_process.StandardOutput.ReadToEnd());
        _process.WaitForExit();
        return (_process.ExitCode, _output.ToString().ReplaceLineEndings("\n"), _error.Result.ReplaceLineEndings("\n"));
    }

    public static (int Code, string Output, string Error) Run(string launcher, params string[] arguments)
    {
        using var program = new Launched(launcher, arguments);
        return program.End();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private Timer Guard() => new(_ => _process.Kill(entireProcessTree: true), null, limit, Timeout.InfiniteTimeSpan);
}
