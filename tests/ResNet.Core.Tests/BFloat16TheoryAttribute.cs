using TorchSharp;

namespace ResNet.Core.Tests;

/// <summary>A theory that is skipped where <see cref="FuseExtensions.Fuse(ResidualNetwork, torch.ScalarType?)"/> does not support bfloat16.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BFloat16TheoryAttribute : TheoryAttribute
{
    public BFloat16TheoryAttribute()
    {
        if (!FuseExtensions.IsBFloat16Supported)
            Skip = "This processor does not compute in bfloat16.";
    }
}
