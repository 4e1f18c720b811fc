using System.Diagnostics;
using System.Globalization;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks.Gpu;

/// <summary>Compares training and inference with PyTorch on the same GPU: the times, each side in its own processes and in turn, and the difference of the results.</summary>
internal static class GpuTable
{
    private const int Rounds = 2;

    /// <param name="args">None to print the tables; otherwise the work of a child process.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        switch (args)
        {
            case []:
                if (!cuda.is_available())
                {
                    Console.Error.WriteLine("No CUDA device is available: torch.cuda.is_available() is false.");
                    return 1;
                }
                PrintVersions();
                PrintParity();
                PrintTimes();
                return 0;
            case ["engine"]:
                GpuEngine.Run();
                return 0;
            case ["parity", var folder]:
                GpuParity.Write(folder);
                return 0;
            default:
                Console.Error.WriteLine($"gpu: expected no arguments, got {string.Join(' ', args)}.");
                return 1;
        }
    }

    private static void PrintVersions()
    {
        var versions = RunPython("versions").Single();
        Console.WriteLine(FormattableString.Invariant($"{versions[0]}, {DateTime.Now:yyyy-MM-dd}; ResNet.Core on TorchSharp {typeof(TorchSharp.torch).Assembly.GetName().Version} with libtorch {__version__}; ") +
            $"PyTorch {versions[1]}, torchvision {versions[2]}, CUDA {versions[3]}, cuDNN {versions[4]}");
        Console.WriteLine();
    }

    private static void PrintParity()
    {
        using var folder = new TempFolder();
        RunSelf("parity", folder.Path);
        Console.WriteLine($"| batch 16, largest difference relative to the largest value | | logits | gradients | weights after {GpuParity.Steps} steps |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var row in RunPython("parity", folder.Path))
            Console.WriteLine($"| {string.Join(" | ", row)} |");
        Console.WriteLine();
    }

    private static void PrintTimes()
    {
        var ours = new List<string[]>();
        var python = new List<string[]>();
        for (var round = 0; round < Rounds; round++)
        {
            ours.AddRange(RunSelf("engine"));
            python.AddRange(RunPython("table"));
        }

        Console.WriteLine($"| batch {GpuEngine.Batch}, {GpuEngine.Size} pixels, images/s | | PyTorch | ResNet.Core | time |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var rows in ours.GroupBy(row => (Network: row[0], What: row[1])))
        {
            // PyTorch has no Fuse(), so the fused network is compared with PyTorch's plain one.
            var (peer, milliseconds) = (FindFastest(python, rows.Key.Network, rows.Key.What.Replace(", Fuse()", "", StringComparison.Ordinal)), FindFastest(ours, rows.Key.Network, rows.Key.What));
            Console.WriteLine(FormattableString.Invariant($"| {rows.Key.Network} | {rows.Key.What} | {1000 * GpuEngine.Batch / peer:f0} | {1000 * GpuEngine.Batch / milliseconds:f0} | {milliseconds / peer:f2} |"));
        }
    }

    /// <summary>Returns the faster of the rounds, in milliseconds.</summary>
    private static double FindFastest(List<string[]> rows, string network, string what) =>
        rows.Where(row => row[0] == network && row[1] == what).Min(row => double.Parse(row[2], CultureInfo.InvariantCulture));

    private static string[][] RunSelf(params string[] arguments) => ReadLines(ThisProgram.StartInfo(["gpu", .. arguments]));

    private static string[][] RunPython(params string[] arguments) => ReadLines(new(Interpreters.All[0], ["-B", Path.Combine(AppContext.BaseDirectory, "gpu.py"), .. arguments]));

    private static string[][] ReadLines(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}.");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }
}
