using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace ResNet.Core.Deployment;

/// <summary>Whether this computer computes in bfloat16, and not only stores it.</summary>
internal static class NativeBFloat16
{
    private const int ExtendedFeatures = 7, Avx512BFloat16 = 1 << 5; // CPUID's

    /// <summary>The processor has instructions for it, and oneDNN takes it there.</summary>
    public static bool IsSupported { get; } = OneDnnNetwork.IsSupported && HasInstructions() && OneDnnTakesIt();

    /// <summary>
    /// AVX-512 BF16, which every processor with AMX has too. Without it oneDNN makes float32 of bfloat16 and back, which is slower than float32.
    /// </summary>
    private static bool HasInstructions() =>
        Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported && // so that the operating system has switched them on
        X86Base.CpuId(ExtendedFeatures, 0).Eax >= 1 && (X86Base.CpuId(ExtendedFeatures, 1).Eax & Avx512BFloat16) != 0;

    /// <summary>It can be told to use less of the processor (<c>ONEDNN_MAX_CPU_ISA</c>).</summary>
    private static bool OneDnnTakesIt()
    {
        using var script = new TorchScript("""
            def takes_bfloat16(self) -> bool:
                return ops.mkldnn._is_mkldnn_bf16_supported()
            """);
        return script.Call<Scalar>("takes_bfloat16").ToBoolean();
    }
}
