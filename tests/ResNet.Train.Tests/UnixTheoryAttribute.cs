namespace ResNet.Train.Tests;

/// <summary>A theory that needs the signals of Unix.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "Windows has no way to send another process a SIGINT.";
    }
}
