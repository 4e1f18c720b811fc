using System.Diagnostics;

namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>Starts this assembly as the ranks of an MPI program.</summary>
internal static class Mpirun
{
    /// <param name="implementation">As Debian tells several MPIs apart: openmpi or mpich.</param>
    /// <param name="ranks">How many.</param>
    /// <param name="program">One of <see cref="Program"/>.</param>
    /// <param name="environment">Variables besides this process's own.</param>
    /// <returns>The exit code, and what all ranks wrote.</returns>
    public static (int ExitCode, string Output) Run(string implementation, int ranks, string program, params (string Name, string Value)[] environment) =>
        Execute($"mpirun.{implementation}",
            [.. implementation == "openmpi" ? ["--oversubscribe"] : Array.Empty<string>(), "-n", $"{ranks}", Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", typeof(Mpirun).Assembly.Location, program],
            [.. environment, ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);

    /// <summary>Runs a program to its end, of which there is one after two minutes at the latest.</summary>
    public static (int ExitCode, string Output) Execute(string file, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{file} {string.Join(' ', arguments)} did not end within two minutes");
        }
        return (process.ExitCode, output.Result + error.Result);
    }

    /// <summary>Whether the shell finds a program.</summary>
    public static bool IsThere(string file) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, file)));
}
