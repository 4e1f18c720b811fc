using System.Diagnostics;

namespace ResNet.Train.Tests;

/// <summary>The program does not crash when its output streams are closed.</summary>
public class ClosedStreamsTests
{
    [UnixFact]
    public void With_stderr_closed_an_error_still_sets_the_exit_code() => Assert.Equal((1, ""), RunShell("exec \"$0\" \"$1\" evaluate nothing 2>&-"));

    [UnixFact]
    public void A_closed_stdout_is_an_error() => Assert.Equal(1, RunShell("exec \"$0\" \"$1\" --help >&-").Code);

    /// <summary>As with <c>| head</c>: the exit code is the program's own, and there is no stack trace.</summary>
    [UnixFact]
    public void A_reader_that_stops_reading_is_no_error() => Assert.Equal((0, "code 0\n"), RunShell("{ { sleep 1; \"$0\" \"$1\" --help; echo \"code $?\" >&3; } | true; } 3>&1"));

    private static (int Code, string Output) RunShell(string command)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-c", command, DotnetHost.Path, SampleProgram.Assembly]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = shell.StandardError.ReadToEndAsync();
        var output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.DoesNotContain("   at ", error.Result, StringComparison.Ordinal);
        return (shell.ExitCode, output);
    }
}
