using System.Diagnostics;
using System.Text;

namespace ResNet.Tests;

/// <summary>A process with a time limit. When that is over, the process and all its children are killed.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly ManualResetEventSlim _changed = new();

    private Child(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        Command = $"{start.FileName} {string.Join(' ', start.ArgumentList)}";
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Append;
        _process.ErrorDataReceived += Append;
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Command { get; }

    public int Id => _process.Id;

    /// <summary>What both streams have written so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public static Child Start(ProcessStartInfo start) => new(start);

    /// <summary>Runs a program with the tests' own environment until it ends.</summary>
    public static ChildResult Run(TimeSpan limit, string program, params string[] arguments)
    {
        using var child = Start(new ProcessStartInfo(program, arguments));
        return child.End(limit);
    }

    /// <summary>Waits until the output meets a condition, or the process has ended.</summary>
    public void WaitFor(Func<string, bool> condition, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        while (!condition(Output) && !_process.HasExited)
        {
            if (watch.Elapsed > limit)
                Fail($"did not come as far as expected within {limit.TotalSeconds} s");
            _changed.Wait(TimeSpan.FromMilliseconds(50));
            _changed.Reset();
        }
    }

    /// <summary>Waits until the process ends. The test fails if that takes longer than the limit.</summary>
    public ChildResult End(TimeSpan limit)
    {
        if (!_process.WaitForExit(limit))
            Fail($"did not end within {limit.TotalSeconds} s");
        // This waits for the end of both streams. A child that still runs would keep them open.
        if (!Task.Run(_process.WaitForExit).Wait(TimeSpan.FromSeconds(10)))
            Fail($"ended with {_process.ExitCode}, but its streams did not end");
        return new ChildResult(Command, _process.ExitCode, Output);
    }

    public void Dispose()
    {
        KillTree();
        _process.Dispose();
        _changed.Dispose();
    }

    private void Fail(string what)
    {
        KillTree();
        Assert.Fail($"{Command} {what}:\n{Output}");
    }

    private void KillTree()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
    }

    private void Append(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not { } text) return;
        lock (_output)
            _output.Append(text).Append('\n');
        _changed.Set();
    }
}
