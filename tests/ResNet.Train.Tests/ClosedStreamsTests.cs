using System.Diagnostics;

namespace ResNet.Train.Tests;

/// <summary>Where nobody listens to the program, it ends as it would have, and does not crash.</summary>
public class ClosedStreamsTests
{
    [UnixFact]
    public void A_message_that_nobody_can_be_told_is_in_the_exit_code() => Assert.Equal((1, ""), Shell("exec \"$0\" \"$1\" evaluate nothing 2>&-"));

    [UnixFact]
    public void An_output_that_is_closed_is_an_error() => Assert.Equal(1, Shell("exec \"$0\" \"$1\" --help >&-").Code);

    /// <summary>As with <c>| head</c>: the code is the program's own, and no stack trace comes.</summary>
    [UnixFact]
    public void A_reader_that_has_gone_is_no_error() => Assert.Equal((0, "code 0\n"), Shell("{ { sleep 1; \"$0\" \"$1\" --help; echo \"code $?\" >&3; } | true; } 3>&1"));

    private static (int Code, string Output) Shell(string command)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-c", command, DotnetHost.Path, SampleProgram.Assembly]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = shell.StandardError.ReadToEndAsync();
        var output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.DoesNotContain("   at ", error.Result, StringComparison.Ordinal);
        return (shell.ExitCode, output);
    }
}
