using TorchSharp;

namespace ResNet.Core.Tests;

/// <summary>A test that is skipped where <see cref="FuseExtensions.Fuse(ResidualNetwork, IEnumerable{torch.Tensor})"/> does not support 8 bits.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class Int8FactAttribute : FactAttribute
{
    public const string Reason = "8 bits need Linux and a processor with AVX-512 VNNI.";

    public Int8FactAttribute()
    {
        if (!FuseExtensions.IsInt8Supported)
            Skip = Reason;
    }
}
