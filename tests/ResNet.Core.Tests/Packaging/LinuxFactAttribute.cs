namespace ResNet.Core.Tests.Packaging;

/// <summary>A test of what is in the output folder on Linux alone.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
            Skip = "The native library for Linux is not in this platform's output.";
    }
}
