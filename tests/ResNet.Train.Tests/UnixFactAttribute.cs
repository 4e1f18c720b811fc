namespace ResNet.Train.Tests;

/// <summary>For tests of pipes and links, which Windows has not, or not for every user.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "It makes pipes or links.";
    }
}
