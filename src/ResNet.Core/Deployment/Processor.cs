using System.Runtime.Intrinsics.X86;

namespace ResNet.Core.Deployment;

/// <summary>What the processor computes in.</summary>
internal static class Processor
{
    private const int ExtendedFeatures = 7, AvxBFloat16 = 1 << 5;

    /// <summary>
    /// AVX-512 BF16, which every processor with AMX has too. Without it oneDNN makes float32 of bfloat16 and back, which is slower than float32.
    /// </summary>
    public static bool HasBFloat16 { get; } =
        Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported && // so that the operating system has them switched on
        X86Base.CpuId(ExtendedFeatures, 0).Eax >= 1 && (X86Base.CpuId(ExtendedFeatures, 1).Eax & AvxBFloat16) != 0;
}
