using System.Diagnostics;
using System.Reflection;

namespace ResNet.Tests;

/// <summary>The running program, to be started again in a process of its own.</summary>
internal static class ThisProgram
{
    public static ProcessStartInfo StartInfo(params string[] arguments)
    {
        var program = Environment.ProcessPath!;
        return new(program, Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Assembly.GetExecutingAssembly().Location, .. arguments] : arguments);
    }
}
