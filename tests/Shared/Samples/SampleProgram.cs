using System.Diagnostics;
using System.Globalization;

namespace ResNet.Tests;

/// <summary>The program that these tests are of, as its user meets it: arguments, output, an exit code and files.</summary>
internal static class SampleProgram
{
    private static readonly string name = typeof(SampleProgram).Assembly.GetName().Name![..^".Tests".Length];

    public static string Assembly => Path.Combine(AppContext.BaseDirectory, $"{name}.dll");

    /// <summary>Runs it within the tests' process: most runs that are refused end before anything is loaded, and a process of its own takes longer than all they do.</summary>
    public static void Refused(string message, params string[] arguments)
    {
        var (code, error) = RunHere(arguments);

        Assert.Equal(1, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", error, StringComparison.Ordinal);
    }

    /// <returns>Its output.</returns>
    public static string Succeeded(params string[] arguments)
    {
        var (code, output, error) = Run(arguments);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    /// <returns>The output of <c>evaluate</c>, without its last line, which says how long it took.</returns>
    public static string Tested(params string[] arguments) =>
        string.Join('\n', Succeeded(["evaluate", .. arguments]).ReplaceLineEndings("\n").TrimEnd().Split('\n').SkipLast(1));

    public static (int Code, string Output, string Error) Run(params string[] arguments) => RunAt(Assembly, arguments);

    /// <summary>The program in a copy of its folder.</summary>
    public static (int Code, string Output, string Error) RunAt(string path, params string[] arguments)
    {
        using var program = StartAt(path, arguments);
        var error = program.StandardError.ReadToEndAsync();
        var output = program.StandardOutput.ReadToEnd();
        program.WaitForExit();
        return (program.ExitCode, output, error.Result);
    }

    public static Process Start(params string[] arguments) => StartAt(Assembly, arguments);

    private static Process StartAt(string path, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(DotnetHost.Path, [path, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Many small runs, maybe beside others: several threads would mostly wait for each other.
            Environment = { ["OMP_NUM_THREADS"] = "1" },
        })!;

    private static (int Code, string Error) RunHere(string[] arguments)
    {
        var (output, error, culture) = (Console.Out, Console.Error, CultureInfo.CurrentCulture);
        using var told = new StringWriter();
        try
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(told);
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture; // as InvariantGlobalization has it in the program
            return ((int)System.Reflection.Assembly.Load(name).EntryPoint!.Invoke(null, [arguments])!, told.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
            CultureInfo.CurrentCulture = culture;
        }
    }
}
