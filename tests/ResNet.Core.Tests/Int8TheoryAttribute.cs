namespace ResNet.Core.Tests;

/// <summary>A theory that is skipped where an <see cref="Int8FactAttribute"/> is.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class Int8TheoryAttribute : TheoryAttribute
{
    public Int8TheoryAttribute()
    {
        if (!FuseExtensions.IsInt8Supported)
            Skip = Int8FactAttribute.Reason;
    }
}
