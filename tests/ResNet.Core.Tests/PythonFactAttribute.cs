using System.Collections.Concurrent;
using System.Diagnostics;

namespace ResNet.Core.Tests;

/// <summary>A test that runs the system's Python; skipped where it cannot import what the test is about.</summary>
/// <param name="modules">As <c>import</c> takes them, with commas between them.</param>
/// <param name="packages">Debian's packages that bring them.</param>
[AttributeUsage(AttributeTargets.Method)]
public abstract class PythonFactAttribute(string modules, string packages) : FactAttribute
{
    private const string Python = "/usr/bin/python3";

    private static readonly ConcurrentDictionary<string, bool> importable = [];

    public override string? Skip
    {
        get => importable.GetOrAdd(modules, static modules => File.Exists(Python) && Tool.Run(Path.GetTempPath(), Python, "-c", $"import {modules}").ExitCode == 0)
            ? null
            : $"{Python} cannot import {modules}: apt-get install {packages}";
        set => throw new NotSupportedException();
    }

    /// <summary>What a script prints.</summary>
    /// <param name="script">Its path within the test project's folder.</param>
    /// <param name="arguments">Passed on to it.</param>
    protected static string RunScript(string script, params string[] arguments) =>
        Tool.Run(Path.GetTempPath(), Python, Arguments(script, arguments)).Succeeded().Output;

    /// <summary>A script that is asked line by line.</summary>
    /// <param name="script">Its path within the test project's folder.</param>
    /// <param name="arguments">Passed on to it.</param>
    private protected static PythonConversation StartScript(string script, params string[] arguments) =>
        new(new ProcessStartInfo(Python, Arguments(script, arguments)) { WorkingDirectory = Path.GetTempPath() });

    private static string[] Arguments(string script, string[] arguments) =>
        ["-B", Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", script), .. arguments];
}
