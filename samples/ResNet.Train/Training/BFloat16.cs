using System.Runtime.InteropServices;
using ResNet.Core;
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
    public static bool IsNative(Device device) => device.type == DeviceType.CUDA ? ComputeCapability(device.index) >= Ampere : Fusion.IsBFloat16Supported;

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
