namespace ResNet.Tests;

/// <summary>A test of what there is on Linux alone.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
            Skip = "This is about Linux.";
    }
}
