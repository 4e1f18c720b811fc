using TorchSharp;

namespace ResNet.Core.Tests;

/// <summary>Skipped where <see cref="FuseExtensions.Fuse(ResidualNetwork, torch.ScalarType?)"/> does not take bfloat16.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BFloat16TheoryAttribute : TheoryAttribute
{
    public BFloat16TheoryAttribute()
    {
        if (!FuseExtensions.IsBFloat16Supported)
            Skip = "This processor does not compute in bfloat16.";
    }
}
