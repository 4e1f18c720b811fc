using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>Detects whether this machine can multiply in 8 bits and accumulate in 32, and whether libtorch uses it.</summary>
internal static class NativeInt8
{
    private const int ExtendedFeatures = 7, Avx512Vnni = 1 << 11; // in CPUID

    /// <summary>Whether the processor has the instructions, libtorch uses oneDNN (only on Linux), and oneDNN uses the instructions.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && OneDnnNetwork.IsSupported && HasInstructions() && OneDnnUsesThem();

    /// <summary>Whether the processor has AVX-512 VNNI. AVX-VNNI is not enough for libtorch.</summary>
    private static bool HasInstructions() =>
        Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported && // implies that the operating system has enabled AVX-512
        (X86Base.CpuId(ExtendedFeatures, 0).Ecx & Avx512Vnni) != 0;

    /// <summary>Whether oneDNN uses the instructions; <c>ONEDNN_MAX_CPU_ISA</c> can disable them. Without them, it adds pairs of products in 16 bits, which saturate.</summary>
    private static bool OneDnnUsesThem()
    {
        const int Channels = 64, Expected = 200;
        using var scope = NewDisposeScope();
        using var script = new TorchScript("""
            def convolve(self, x: Tensor, weight: Tensor, scale: float) -> Tensor:
                p = ops.quantized.conv2d_prepack(torch.quantize_per_tensor(weight, 1., 0, 12), None, [1, 1], [0, 0], [1, 1], 1)
                return torch.int_repr(ops.quantized.conv2d(torch.quantize_per_tensor(x, 1., 0, 13), p, scale, 0))
            """);
        var (x, weight) = (full([1, Channels, 1, 1], byte.MaxValue, ScalarType.Float32, CPU), full([Channels, Channels, 1, 1], sbyte.MaxValue, ScalarType.Float32, CPU));
        var y = script.Call<Tensor>("convolve", x, weight, (double)Channels * byte.MaxValue * sbyte.MaxValue / Expected);
        return y.eq(Expected).all().item<bool>();
    }
}
