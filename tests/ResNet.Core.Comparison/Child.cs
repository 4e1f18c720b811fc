using System.Diagnostics;

namespace ResNet.Core.Comparison;

/// <summary>Child processes: Python, or this program for work that may crash or needs its own process.</summary>
internal static class Child
{
    /// <summary>Runs this program, and returns the last line that it prints; null if it failed, or was killed after a minute.</summary>
    public static string? Run(params string[] arguments)
    {
        using var process = Start(ThisProgram.StartInfo(arguments));
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
            process.Kill();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Result.TrimEnd().Split('\n')[^1] : null;
    }

    /// <summary>Starts torchvision_side.py.</summary>
    public static Process StartTorchvision(params string[] arguments) =>
        Start(new(Interpreters.All[0], ["-B", Path.Combine(AppContext.BaseDirectory, "torchvision_side.py"), .. arguments]));

    /// <summary>Runs torchvision_side.py, and returns the lines that it prints.</summary>
    public static string[] RunTorchvision(params string[] arguments)
    {
        using var process = StartTorchvision(arguments);
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        return process.ExitCode == 0 ? lines : throw new InvalidOperationException("Python failed. Is torchvision installed? apt-get install python3-torchvision");
    }

    private static Process Start(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        return Process.Start(start)!;
    }
}
