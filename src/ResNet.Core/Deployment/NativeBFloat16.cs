using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace ResNet.Core.Deployment;

/// <summary>Detects whether this machine can compute in bfloat16, not just store it.</summary>
internal static class NativeBFloat16
{
    private const int ExtendedFeatures = 7, Avx512BFloat16 = 1 << 5; // in CPUID

    /// <summary>Whether the processor has the instructions and oneDNN uses them.</summary>
    public static bool IsSupported { get; } = OneDnnNetwork.IsSupported && HasInstructions() && OneDnnSupportsIt();

    /// <summary>
    /// Whether the processor has AVX-512 BF16, as every processor with AMX does. Without it, oneDNN converts bfloat16 to float32 and back, which is slower than float32.
    /// </summary>
    private static bool HasInstructions() =>
        Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported && // implies that the operating system has enabled AVX-512
        X86Base.CpuId(ExtendedFeatures, 0).Eax >= 1 && (X86Base.CpuId(ExtendedFeatures, 1).Eax & Avx512BFloat16) != 0;

    /// <summary>Whether oneDNN supports bfloat16. <c>ONEDNN_MAX_CPU_ISA</c> can restrict the instructions it uses.</summary>
    private static bool OneDnnSupportsIt()
    {
        using var script = new TorchScript("""
            def takes_bfloat16(self) -> bool:
                return ops.mkldnn._is_mkldnn_bf16_supported()
            """);
        return script.Call<Scalar>("takes_bfloat16").ToBoolean();
    }
}
