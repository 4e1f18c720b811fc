namespace ResNet.Tests;

/// <summary>The Python interpreters that the benchmarks compare with.</summary>
internal static class Interpreters
{
    public const string Variable = "BENCHMARK_PYTHON";

    /// <summary>The programs that the environment variable names, separated as in PATH. The default is Debian's Python with the distribution's PyTorch.</summary>
    public static IReadOnlyList<string> All { get; } =
        (Environment.GetEnvironmentVariable(Variable) ?? "/usr/bin/python3").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
