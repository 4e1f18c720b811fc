namespace ResNet.Tests;

/// <summary>A test of pipes, links or signals, which Windows does not have, or not for every user.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "This test is for Linux and macOS only.";
    }
}
