using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Nccl;

/// <summary>The NCCL functions that this library needs. Those with an int result return 0 on success.</summary>
internal sealed unsafe class NcclFunctions
{
    /// <summary><c>ncclInProgress</c>: NCCL continues on its own thread.</summary>
    public const int InProgress = 7;

    public required delegate* unmanaged[Cdecl]<NcclUniqueId*, int> GetUniqueId { get; init; }
    public required delegate* unmanaged[Cdecl]<nint*, int, NcclUniqueId, int, NcclConfig*, int> CommInitRankConfig { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int*, int> CommGetAsyncError { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, int> CommAbort { get; init; }
    public required delegate* unmanaged[Cdecl]<void*, void*, nuint, int, int, nint, nint, int> AllReduce { get; init; }
    public required delegate* unmanaged[Cdecl]<void*, void*, nuint, int, int, nint, nint, int> Broadcast { get; init; }
    public required delegate* unmanaged[Cdecl]<int, byte*> GetErrorString { get; init; }
    public required delegate* unmanaged[Cdecl]<nint, byte*> GetLastError { get; init; }

    /// <summary>Loads the functions from the system's NCCL, or from libtorch if NCCL is linked into it.</summary>
    /// <returns>The functions; null if there is no NCCL 2.14 or later.</returns>
    public static NcclFunctions? TryLoad()
    {
        string[] names = ["libnccl.so.2", "libtorch_cuda.so"];
        foreach (var name in names)
        {
            if (!NativeLibrary.TryLoad(name, out var library) || !NativeLibrary.TryGetExport(library, "ncclCommInitRankConfig", out _))
                continue;
            nint Find(string function) => NativeLibrary.GetExport(library, function);
            return new NcclFunctions
            {
                GetUniqueId = (delegate* unmanaged[Cdecl]<NcclUniqueId*, int>)Find("ncclGetUniqueId"),
                CommInitRankConfig = (delegate* unmanaged[Cdecl]<nint*, int, NcclUniqueId, int, NcclConfig*, int>)Find("ncclCommInitRankConfig"),
                CommGetAsyncError = (delegate* unmanaged[Cdecl]<nint, int*, int>)Find("ncclCommGetAsyncError"),
                CommAbort = (delegate* unmanaged[Cdecl]<nint, int>)Find("ncclCommAbort"),
                AllReduce = (delegate* unmanaged[Cdecl]<void*, void*, nuint, int, int, nint, nint, int>)Find("ncclAllReduce"),
                Broadcast = (delegate* unmanaged[Cdecl]<void*, void*, nuint, int, int, nint, nint, int>)Find("ncclBroadcast"),
                GetErrorString = (delegate* unmanaged[Cdecl]<int, byte*>)Find("ncclGetErrorString"),
                GetLastError = (delegate* unmanaged[Cdecl]<nint, byte*>)Find("ncclGetLastError"),
            };
        }
        return null;
    }

    /// <exception cref="DistributedException">A function failed.</exception>
    public void Check(int code, string function, nint comm)
    {
        if (code is 0 or InProgress)
            return;
        var (error, last) = (Marshal.PtrToStringUTF8((nint)GetErrorString(code)), Marshal.PtrToStringUTF8((nint)GetLastError(comm)));
        throw new DistributedException($"{function}: {error} (NCCL's error code {code}){(string.IsNullOrWhiteSpace(last) ? "" : $": {last.Trim()}")}");
    }
}

/// <summary>The id by which the ranks of a communicator find each other.</summary>
internal unsafe struct NcclUniqueId
{
    public const int Size = 128;

    public fixed byte Bytes[Size];
}

/// <summary>
/// <c>ncclConfig_t</c> of NCCL 2.14, its first version. NCCL reads <see cref="Size"/> bytes and uses its defaults for fields that are newer than
/// <see cref="Version"/>, so this struct works with every later version.
/// </summary>
internal struct NcclConfig()
{
    // Includes four bytes of padding.
    public nuint Size = 24;
    public uint Magic = 0xcafebeef;
    public uint Version = 21400;

    /// <summary>0 for asynchronous calls: <c>ncclCommGetAsyncError</c> tells when a call is complete.</summary>
    public int Blocking = 0;
}
