using System.Diagnostics;

namespace ResNet.Core.Comparison;

/// <summary>Another process: this program, for what may end a process or needs one of its own, or Python.</summary>
internal static class Child
{
    /// <summary>What a process of this program prints, its last line; null if it ended without, or was killed after a minute.</summary>
    public static string? Run(params string[] arguments)
    {
        using var process = Start(ThisProgram.StartInfo(arguments));
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
            process.Kill();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Result.TrimEnd().Split('\n')[^1] : null;
    }

    /// <summary>torchvision_side.py.</summary>
    public static Process Torchvision(params string[] arguments) =>
        Start(new(Interpreters.All[0], ["-B", Path.Combine(AppContext.BaseDirectory, "torchvision_side.py"), .. arguments]));

    /// <summary>Every line that torchvision_side.py prints.</summary>
    public static string[] LinesOfTorchvision(params string[] arguments)
    {
        using var process = Torchvision(arguments);
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
