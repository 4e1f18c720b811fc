using System.Diagnostics;
using System.Reflection;

namespace ResNet.Tests;

/// <summary>Starts the running program again, as another process.</summary>
internal static class ThisProgram
{
    public static ProcessStartInfo StartInfo(params string[] arguments)
    {
        var program = Environment.ProcessPath!;
        return new(program, Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Assembly.GetExecutingAssembly().Location, .. arguments] : arguments);
    }
}
