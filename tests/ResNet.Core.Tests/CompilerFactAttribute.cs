namespace ResNet.Core.Tests;

/// <summary>A test that compiles C on Linux; skipped without a compiler.</summary>
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
