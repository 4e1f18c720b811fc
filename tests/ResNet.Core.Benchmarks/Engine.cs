using System.Diagnostics;
using System.Globalization;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// One engine with one row, in a process of its own, which waits while others have their turn: threads that spin in one engine would disturb
/// another's, and memory is counted by the process.
/// </summary>
internal sealed class Engine : IDisposable
{
    public const string Work = "work";

    private const string Seconds = "0.2"; // of a turn
    private readonly Process process;
    private readonly List<double> times = [];

    private Engine(string name, ProcessStartInfo start, TempFolder folder)
    {
        Name = name;
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        start.WorkingDirectory = folder.Path;
        process = Process.Start(start)!;
    }

    public string Name { get; }

    /// <summary>Milliseconds, the median of all turns.</summary>
    public double Time => Statistics.Median(times);

    /// <summary>The most memory in bytes that the process held at any time: Linux and Windows keep this figure, macOS does not.</summary>
    public long PeakMemory { get; private set; }

    /// <summary>One of this program's.</summary>
    public static Engine Start(string name, Table table, string row, TempFolder folder) =>
        new(name, ThisProgram.StartInfo(Work, table.Name, row, name), folder);

    /// <summary>Python's.</summary>
    public static Engine Start(PythonSide python, Table table, string row, TempFolder folder) =>
        new(python.Name, new(python.Interpreter, [PythonSide.Script, table.Name, row, $"{TorchSharp.torch.get_num_threads()}"]), folder);

    /// <summary>Waits until the engine can begin.</summary>
    /// <param name="problem">Why it cannot; empty if there is no such row.</param>
    public bool IsReady(out string problem) => (problem = process.StandardOutput.ReadLine() ?? "") == Worker.Ready;

    /// <summary>Iterates for a turn, which counts or warms up.</summary>
    public void Take(bool counts)
    {
        process.StandardInput.WriteLine(Seconds);
        process.StandardInput.Flush();
        var answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The process of {Name} has ended.");
        if (counts)
            times.Add(double.Parse(answer, CultureInfo.InvariantCulture));
        process.Refresh();
        PeakMemory = process.PeakWorkingSet64;
        Thread.Sleep(50); // until its threads have stopped spinning
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
