using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Nccl;

/// <summary>
/// The functions of the CUDA driver that NCCL operations need. The driver is used instead of the runtime, since libtorch bundles the runtime under another name, and
/// streams and events belong to the driver in any case. Each function returns 0 on success.
/// </summary>
internal sealed unsafe class CudaDriver
{
    /// <summary><c>CUDA_ERROR_NOT_READY</c>, for an event that has not occurred yet.</summary>
    public const int NotReady = 600;

    public required delegate* unmanaged[Cdecl]<uint, int> Init { get; init; }
    public required delegate* unmanaged[Cdecl]<int*, int, int> DeviceGet { get; init; }
    public required delegate* unmanaged[Cdecl]<nint*, int, int> PrimaryContextRetain { get; init; }
    public required delegate* unmanaged[Cdecl]<int, int> PrimaryContextRelease { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int> ContextSetCurrent { get; init; }
    public required delegate* unmanaged[Cdecl]<nint*, uint, int> StreamCreate { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, nint, uint, int> StreamWaitEvent { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int> StreamDestroy { get; init; }
    public required delegate* unmanaged[Cdecl]<nint*, uint, int> EventCreate { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, nint, int> EventRecord { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int> EventQuery { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int> EventDestroy { get; init; }
    public required delegate* unmanaged[Cdecl]<int, byte**, int> GetErrorString { get; init; }

    /// <summary>Loads the functions from the driver.</summary>
    /// <exception cref="DllNotFoundException">There is no driver.</exception>
    public static CudaDriver Load()
    {
        var library = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
        nint Find(string name) => NativeLibrary.GetExport(library, name);
        return new CudaDriver
        {
            Init = (delegate* unmanaged[Cdecl]<uint, int>)Find("cuInit"),
            DeviceGet = (delegate* unmanaged[Cdecl]<int*, int, int>)Find("cuDeviceGet"),
            PrimaryContextRetain = (delegate* unmanaged[Cdecl]<nint*, int, int>)Find("cuDevicePrimaryCtxRetain"),
            PrimaryContextRelease = (delegate* unmanaged[Cdecl]<int, int>)Find("cuDevicePrimaryCtxRelease_v2"),
            ContextSetCurrent = (delegate* unmanaged[Cdecl]<nint, int>)Find("cuCtxSetCurrent"),
            StreamCreate = (delegate* unmanaged[Cdecl]<nint*, uint, int>)Find("cuStreamCreate"),
            StreamWaitEvent = (delegate* unmanaged[Cdecl]<nint, nint, uint, int>)Find("cuStreamWaitEvent"),
            StreamDestroy = (delegate* unmanaged[Cdecl]<nint, int>)Find("cuStreamDestroy_v2"),
            EventCreate = (delegate* unmanaged[Cdecl]<nint*, uint, int>)Find("cuEventCreate"),
            EventRecord = (delegate* unmanaged[Cdecl]<nint, nint, int>)Find("cuEventRecord"),
            EventQuery = (delegate* unmanaged[Cdecl]<nint, int>)Find("cuEventQuery"),
            EventDestroy = (delegate* unmanaged[Cdecl]<nint, int>)Find("cuEventDestroy_v2"),
            GetErrorString = (delegate* unmanaged[Cdecl]<int, byte**, int>)Find("cuGetErrorString"),
        };
    }

    /// <exception cref="DistributedException">A function failed.</exception>
    public void Check(int code, string function)
    {
        if (code == 0)
            return;
        byte* text = null;
        _ = GetErrorString(code, &text);
        throw new DistributedException($"{function}: {Marshal.PtrToStringUTF8((nint)text) ?? "an error that CUDA does not explain"} (CUDA's error code {code})");
    }
}
