using System.Diagnostics;

namespace ResNet.Core.Tests;

/// <summary>Runs the real tools, as a user's shell would.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static ChildResult Dotnet(string directory, params string[] arguments) => Run(directory, DotnetHost.Path, arguments);

    public static ChildResult Git(string directory, params string[] arguments) => Run(directory, "git", arguments);

    public static ChildResult Run(string directory, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory };
        UseUsersEnvironment(start.Environment);
        using var child = Child.Start(start);
        return child.End(Patience);
    }

    /// <summary>Removes the variables that `dotnet test`, its MSBuild or the tests' caller set and that would steer a child's MSBuild.</summary>
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
