namespace ResNet.Tests;

/// <summary>The Pythons to measure beside this library.</summary>
internal static class Interpreters
{
    public const string Variable = "BENCHMARK_PYTHON";

    /// <summary>The programs that the environment variable names, separated as in PATH; by default Debian's, which has the PyTorch of the distribution.</summary>
    public static IReadOnlyList<string> All { get; } =
        (Environment.GetEnvironmentVariable(Variable) ?? "/usr/bin/python3").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
