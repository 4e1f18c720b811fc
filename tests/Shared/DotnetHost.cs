namespace ResNet.Tests;

/// <summary>The <c>dotnet</c> that runs the tests and starts other programs.</summary>
internal static class DotnetHost
{
    public static string Path { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
}
