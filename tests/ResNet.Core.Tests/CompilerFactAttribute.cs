namespace ResNet.Core.Tests;

/// <summary>A test of Linux that compiles C; skipped where there is no compiler.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CompilerFactAttribute : FactAttribute
{
    public const string Compiler = "/usr/bin/gcc";

    public CompilerFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Compiler))
            Skip = $"There is no {Compiler}: apt-get install gcc libc6-dev";
    }
}
