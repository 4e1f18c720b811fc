using System.Diagnostics;
using System.Globalization;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// An engine that runs one row in its own process, and waits while other engines take their turns. In a shared process, spinning threads of one
/// engine would disturb another, and memory could not be measured per engine.
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

    /// <summary>The median of all turns in milliseconds.</summary>
    public double Time => Statistics.ComputeMedian(times);

    /// <summary>The peak memory of the process in bytes. Linux and Windows provide it, macOS does not.</summary>
    public long PeakMemory { get; private set; }

    /// <summary>Starts an engine of this program.</summary>
    public static Engine Start(string name, Table table, string row, TempFolder folder) =>
        new(name, ThisProgram.StartInfo(Work, table.Name, row, name), folder);

    /// <summary>Starts a Python engine.</summary>
    public static Engine Start(PythonSide python, Table table, string row, TempFolder folder) =>
        new(python.Name, new(python.Interpreter, [PythonSide.Script, table.Name, row, $"{TorchSharp.torch.get_num_threads()}"]), folder);

    /// <summary>Waits until the engine can begin.</summary>
    /// <param name="problem">Why it cannot begin; empty if it does not have this row.</param>
    public bool IsReady(out string problem) => (problem = process.StandardOutput.ReadLine() ?? "") == Worker.Ready;

    /// <summary>Takes a turn, which either counts or only warms up.</summary>
    public void Take(bool counts)
    {
        process.StandardInput.WriteLine(Seconds);
        process.StandardInput.Flush();
        var median = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The process of {Name} has ended.");
        if (counts)
            times.Add(double.Parse(median, CultureInfo.InvariantCulture));
        process.Refresh();
        PeakMemory = process.PeakWorkingSet64;
        Thread.Sleep(50); // until the engine's threads have stopped spinning
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
