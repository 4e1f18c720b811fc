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

    public void Signal(string signal) => Process.Start("kill", [$"-{signal}", $"{_process.Id}"]).WaitForExit();

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
