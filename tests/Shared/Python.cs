using System.Collections.Concurrent;
using System.Diagnostics;

namespace ResNet.Tests;

/// <summary>The system's Python.</summary>
internal static class Python
{
    public const string Interpreter = "/usr/bin/python3";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly ConcurrentDictionary<string, bool> succeeding = [];

    /// <summary>Whether a statement, such as an import, runs without an exception. False if there is no Python.</summary>
    public static bool Can(string statement) => succeeding.GetOrAdd(statement, static statement => File.Exists(Interpreter) && Run(["-c", statement]).Code == 0);

    /// <summary>Runs a script, and asserts that it succeeds.</summary>
    /// <param name="script">Its path within the folder <c>tests</c>.</param>
    /// <param name="arguments">The script's arguments.</param>
    /// <returns>Its output.</returns>
    public static string RunScript(string script, params string[] arguments) => Run(BuildArguments(script, arguments)).AssertSucceeded().Output;

    /// <summary>Creates the start info of a script.</summary>
    /// <inheritdoc cref="RunScript"/>
    public static ProcessStartInfo StartInfo(string script, params string[] arguments) => StartInfo(BuildArguments(script, arguments));

    private static ChildResult Run(string[] arguments)
    {
        using var child = Child.Start(StartInfo(arguments));
        return child.End(Patience);
    }

    // Python imports from its current folder first.
    private static ProcessStartInfo StartInfo(string[] arguments) => new(Interpreter, arguments) { WorkingDirectory = Path.GetTempPath() };

    // -B: Python writes no compiled copies into the checkout.
    private static string[] BuildArguments(string script, string[] arguments) => ["-B", Path.Combine(Repository.Root, "tests", script), .. arguments];
}
