using System.Diagnostics;
using System.Globalization;

namespace ResNet.Tests;

/// <summary>The tested program as its user sees it: arguments, output, exit code and files.</summary>
internal static class SampleProgram
{
    private static readonly string name = typeof(SampleProgram).Assembly.GetName().Name![..^".Tests".Length];

    public static string Assembly => Path.Combine(AppContext.BaseDirectory, $"{name}.dll");

    /// <summary>Asserts that the program refuses its arguments with this message. It runs within the tests' process: most refusals come before anything is loaded, and a new process would take much longer.</summary>
    public static void AssertRefused(string message, params string[] arguments)
    {
        var (code, error) = RunHere(arguments);

        Assert.Equal(1, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
    }

    /// <summary>Runs the program, and asserts that it succeeds.</summary>
    /// <returns>Its output.</returns>
    public static string RunSuccessfully(params string[] arguments)
    {
        var (code, output, error) = Run(arguments);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    /// <summary>Runs <c>evaluate</c>, and asserts that it succeeds.</summary>
    /// <returns>The output without its last line, which contains the time that it took.</returns>
    public static string Evaluate(params string[] arguments) =>
        string.Join('\n', RunSuccessfully(["evaluate", .. arguments]).ReplaceLineEndings("\n").TrimEnd().Split('\n').SkipLast(1));

    public static (int Code, string Output, string Error) Run(params string[] arguments) => RunAt(Assembly, arguments);

    /// <summary>Runs a copy of the program.</summary>
    public static (int Code, string Output, string Error) RunAt(string path, params string[] arguments) => Wait(StartAt(path, arguments));

    /// <summary>Runs the program in a folder.</summary>
    public static (int Code, string Output, string Error) RunIn(string folder, params string[] arguments) => Wait(StartAt(Assembly, arguments, folder));

    private static (int Code, string Output, string Error) Wait(Process started)
    {
        using var program = started;
        var error = program.StandardError.ReadToEndAsync();
        var output = program.StandardOutput.ReadToEnd();
        program.WaitForExit();
        return (program.ExitCode, output, error.Result);
    }

    public static Process Start(params string[] arguments) => StartAt(Assembly, arguments);

    private static Process StartAt(string path, string[] arguments, string folder = "") =>
        Process.Start(new ProcessStartInfo(DotnetHost.Path, [path, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Many small programs may run at once. Several threads each would mostly wait for each other.
            Environment = { ["OMP_NUM_THREADS"] = "1" },
        })!;

    private static (int Code, string Error) RunHere(string[] arguments)
    {
        var (output, error, culture) = (Console.Out, Console.Error, CultureInfo.CurrentCulture);
        using var errors = new StringWriter();
        try
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(errors);
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture; // the program itself has InvariantGlobalization
            return ((int)System.Reflection.Assembly.Load(name).EntryPoint!.Invoke(null, [arguments])!, errors.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
            CultureInfo.CurrentCulture = culture;
        }
    }
}
