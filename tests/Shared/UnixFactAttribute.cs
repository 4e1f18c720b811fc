namespace ResNet.Tests;

/// <summary>A test of what Linux and macOS have and Windows has not, or not for every user: pipes, links, signals.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "This is about Linux and macOS.";
    }
}
