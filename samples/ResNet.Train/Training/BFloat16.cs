using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Whether there are instructions for convolutions and matrix products in bfloat16. Elsewhere libtorch computes them by way of float32, or slowly.</summary>
internal static unsafe class BFloat16
{
    private const int ComputeCapabilityMajor = 75, Ampere = 8;

    /// <summary>
    /// Processors with AVX-512 BF16, with which AMX comes as well, and GPUs from NVIDIA's Ampere on. What is not known, such as processors of another
    /// architecture, counts as without.
    /// </summary>
    public static bool IsNative(Device device) => device.type == DeviceType.CUDA ? ComputeCapability(device.index) >= Ampere : IsNativeOnProcessor();

    // .NET 10 has no class for these instructions: CPUID, leaf 7, subleaf 1, EAX bit 5 (Intel SDM, volume 2A). Avx512F is supported where the system saves its registers too.
    private static bool IsNativeOnProcessor() =>
        Avx512F.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax >> 5 & 1) == 1;

    /// <summary>What NVIDIA's driver says, since TorchSharp does not.</summary>
    /// <returns>The number before the point; 0 where it cannot be told.</returns>
    private static int ComputeCapability(int index)
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var driver))
            return 0;
        var (device, major) = (0, 0);
        return ((delegate* unmanaged<uint, int>)NativeLibrary.GetExport(driver, "cuInit"))(0) == 0
            && ((delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(driver, "cuDeviceGet"))(&device, index) == 0
            && ((delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(driver, "cuDeviceGetAttribute"))(&major, ComputeCapabilityMajor, device) == 0
            ? major : 0;
    }
}
