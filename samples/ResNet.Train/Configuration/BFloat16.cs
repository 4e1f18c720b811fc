using System.Runtime.InteropServices;
using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Detects instructions for convolutions and matrix products in bfloat16. Without them, libtorch converts to float32, or is slow.</summary>
internal static unsafe class BFloat16
{
    private const int ComputeCapabilityMajor = 75, Ampere = 8;

    /// <summary>
    /// True for processors with AVX-512 BF16, which those with AMX also have, and for NVIDIA GPUs since Ampere. False where this cannot be detected, as on
    /// other processor architectures.
    /// </summary>
    public static bool IsNative(Device device) => device.type == DeviceType.CUDA ? FindComputeCapability(device.index) >= Ampere : FuseExtensions.IsBFloat16Supported;

    /// <summary>Asks NVIDIA's driver, because TorchSharp does not report the compute capability.</summary>
    /// <returns>The major version; 0 if unknown.</returns>
    private static int FindComputeCapability(int index)
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
