using System.Diagnostics;

namespace ResNet.Core.Benchmarks;

/// <summary>Real PyTorch in a process of its own, which does one thing a line and answers with a line.</summary>
internal sealed class PythonProcess : IDisposable
{
    private readonly Process process;

    /// <param name="program">Reads lines, and answers each with "done".</param>
    /// <param name="arguments">The program's.</param>
    public PythonProcess(string program, params string[] arguments) => process = Process.Start(new ProcessStartInfo(Interpreter, ["-c", program, .. arguments])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    /// <summary>Debian's, which has the PyTorch of the distribution, or what the environment variable names.</summary>
    public static string Interpreter => Environment.GetEnvironmentVariable("BENCHMARK_PYTHON") ?? "/usr/bin/python3";

    public void Do(string command)
    {
        process.StandardInput.WriteLine(command);
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() != "done")
            throw new InvalidOperationException($"Python ended at '{command}'. Is PyTorch installed? apt-get install python3-torch python3-torchvision");
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
