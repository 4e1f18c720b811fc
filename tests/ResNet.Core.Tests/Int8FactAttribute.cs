using TorchSharp;

namespace ResNet.Core.Tests;

/// <summary>Skipped where <see cref="FuseExtensions.Fuse(ResidualNetwork, IEnumerable{torch.Tensor})"/> does not compute in 8 bits.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class Int8FactAttribute : FactAttribute
{
    public const string Reason = "Not Linux, or a processor without AVX-512 VNNI.";

    public Int8FactAttribute()
    {
        if (!FuseExtensions.IsInt8Supported)
            Skip = Reason;
    }
}
