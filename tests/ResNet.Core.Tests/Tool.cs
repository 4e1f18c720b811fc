using System.Diagnostics;
using System.Text;

namespace ResNet.Core.Tests;

/// <summary>What a child process said.</summary>
internal sealed record ToolResult(string Command, int ExitCode, string Output)
{
    public ToolResult Succeeded()
    {
        Assert.True(ExitCode == 0, $"{Command} ended with {ExitCode}:\n{Output}");
        return this;
    }
}

/// <summary>Runs the real tools, as a user's shell would.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static ToolResult Dotnet(string directory, params string[] arguments) =>
        Run(directory, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments);

    public static ToolResult Git(string directory, params string[] arguments) => Run(directory, "git", arguments);

    public static ToolResult Run(string directory, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        UseUsersEnvironment(start.Environment);

        var command = $"{program} {string.Join(' ', arguments)}";
        var output = new StringBuilder();
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{command} did not end within {Patience}:\n{output}");
        }

        process.WaitForExit(); // until both streams are read to their end
        return new ToolResult(command, process.ExitCode, output.ToString());

        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (output)
                if (line.Data is { } text)
                    output.AppendLine(text);
        }
    }

    /// <summary>`dotnet test` and its MSBuild leave variables that would steer a child's MSBuild, and so can the tests' own caller.</summary>
    private static void UseUsersEnvironment(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.ToList())
            if (name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name is "CI" or "TorchBackend" or "Version" or "Configuration" or "Platform")
                environment.Remove(name);

        environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        environment["DOTNET_NOLOGO"] = "1";
        // Servers that outlive the command would hold its output streams, and keep files of the temporary folders open.
        environment["MSBUILDDISABLENODEREUSE"] = "1";
        environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        environment["UseSharedCompilation"] = "false";
    }
}
