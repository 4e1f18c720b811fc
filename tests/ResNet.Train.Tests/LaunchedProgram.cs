using System.Diagnostics;
using System.Text;

namespace ResNet.Train.Tests;

/// <summary>The program on two ranks of an MPI launcher. Disposing kills it.</summary>
internal sealed class LaunchedProgram : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(100);

    private readonly string _marker = Guid.NewGuid().ToString("N");
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Task<string> _error;

    public LaunchedProgram(MpiKind mpi, params string[] arguments)
    {
        var start = new ProcessStartInfo(MpiLauncher.Find(mpi)!, [.. MpiLauncher.Arguments(mpi, 2), DotnetHost.Path, SampleProgram.Assembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [Processes.Marker] = _marker },
        };
        foreach (var (name, value) in MpiLauncher.Environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Reads until a line begins with the text.</summary>
    public void WaitFor(string text)
    {
        using var guard = StartGuard();
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            _output.AppendLine(line);
            if (line.StartsWith(text, StringComparison.Ordinal))
                return;
        }
        Assert.Fail($"expected a line {text}…, got\n{_output}\n{_error.Result}");
    }

    /// <param name="signal">The signal's name.</param>
    /// <param name="process">The process that gets it; null for the launcher.</param>
    public void Send(string signal, int? process = null) => Signal.Send(signal, process ?? _process.Id);

    /// <summary>The process of one rank, which must exist.</summary>
    public int FindRank(int rank) => Processes.FindRank(_marker, rank);

    public (int Code, string Output, string Error) End()
    {
        using var guard = StartGuard();
        _output.Append(_process.StandardOutput.ReadToEnd());
        _process.WaitForExit();
        return (_process.ExitCode, _output.ToString().ReplaceLineEndings("\n"), _error.Result.ReplaceLineEndings("\n"));
    }

    public static (int Code, string Output, string Error) Run(MpiKind mpi, params string[] arguments)
    {
        using var program = new LaunchedProgram(mpi, arguments);
        return program.End();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private Timer StartGuard() => new(_ => _process.Kill(entireProcessTree: true), null, limit, Timeout.InfiniteTimeSpan);
}
