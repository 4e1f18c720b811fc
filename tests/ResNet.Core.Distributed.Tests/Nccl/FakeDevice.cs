using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ResNet.Core.Distributed.Nccl;

namespace ResNet.Core.Distributed.Tests.Nccl;

/// <summary>Stands in for NCCL and CUDA: records the calls and returns the results that a test has prepared.</summary>
internal static unsafe class FakeDevice
{
    public const nint Context = 11, Stream = 12, FirstEvent = 13, Communicator = 20;

    private static readonly byte* outOfMemory = (byte*)Marshal.StringToCoTaskMemUTF8("out of memory");
    private static readonly byte* systemError = (byte*)Marshal.StringToCoTaskMemUTF8("unhandled system error");
    private static readonly byte* lastError = (byte*)Marshal.StringToCoTaskMemUTF8("Connection closed by remote peer\n");

    private static nint _events;

    /// <summary>The recorded calls, in order.</summary>
    public static List<string> Calls { get; } = [];

    /// <summary>The codes that functions return instead of 0, by function name.</summary>
    public static Dictionary<string, int> Codes { get; } = [];

    /// <summary>The states that <c>ncclCommGetAsyncError</c> reports in turn; 0 after the last.</summary>
    public static Queue<int> States { get; } = [];

    /// <summary>The codes that <c>cuEventQuery</c> returns in turn; 0 after the last.</summary>
    public static Queue<int> Events { get; } = [];

    public static CudaDriver Cuda { get; } = new()
    {
        Init = &Init,
        DeviceGet = &DeviceGet,
        PrimaryContextRetain = &Retain,
        PrimaryContextRelease = &Release,
        ContextSetCurrent = &SetCurrent,
        StreamCreate = &StreamCreate,
        StreamWaitEvent = &StreamWaitEvent,
        StreamDestroy = &StreamDestroy,
        EventCreate = &EventCreate,
        EventRecord = &EventRecord,
        EventQuery = &EventQuery,
        EventDestroy = &EventDestroy,
        GetErrorString = &CudaErrorString,
    };

    public static NcclFunctions Nccl { get; } = new()
    {
        GetUniqueId = &GetUniqueId,
        CommInitRankConfig = &CommInitRankConfig,
        CommGetAsyncError = &CommGetAsyncError,
        CommAbort = &CommAbort,
        AllReduce = &AllReduce,
        Broadcast = &Broadcast,
        GetErrorString = &NcclErrorString,
        GetLastError = &GetLastError,
    };

    public static void Reset()
    {
        Calls.Clear();
        Codes.Clear();
        States.Clear();
        Events.Clear();
        _events = 0;
    }

    /// <summary>Returns the calls since the last time.</summary>
    public static string[] TakeCalls()
    {
        string[] calls = [.. Calls];
        Calls.Clear();
        return calls;
    }

    private static int Record(string call)
    {
        Calls.Add(call);
        return Codes.GetValueOrDefault(call.Split(' ')[0]);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Init(uint flags) => Record($"cuInit {flags}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceGet(int* device, int ordinal)
    {
        *device = 100 + ordinal;
        return Record($"cuDeviceGet {ordinal}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Retain(nint* context, int device)
    {
        *context = Context;
        return Record($"cuDevicePrimaryCtxRetain {device}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Release(int device) => Record($"cuDevicePrimaryCtxRelease {device}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SetCurrent(nint context) => Record($"cuCtxSetCurrent {context}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int StreamCreate(nint* stream, uint flags)
    {
        *stream = Stream;
        return Record($"cuStreamCreate {flags}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int StreamWaitEvent(nint stream, nint cudaEvent, uint flags) => Record($"cuStreamWaitEvent {stream} {cudaEvent} {flags}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int StreamDestroy(nint stream) => Record($"cuStreamDestroy {stream}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int EventCreate(nint* cudaEvent, uint flags)
    {
        *cudaEvent = FirstEvent + _events++;
        return Record($"cuEventCreate {flags}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int EventRecord(nint cudaEvent, nint stream) => Record($"cuEventRecord {cudaEvent} {stream}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int EventQuery(nint cudaEvent)
    {
        Record($"cuEventQuery {cudaEvent}");
        return Events.TryDequeue(out var code) ? code : 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int EventDestroy(nint cudaEvent) => Record($"cuEventDestroy {cudaEvent}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CudaErrorString(int code, byte** text)
    {
        *text = code == 2 ? outOfMemory : null;
        return code == 2 ? 0 : 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetUniqueId(NcclUniqueId* id)
    {
        for (var i = 0; i < NcclUniqueId.Size; i++)
            id->Bytes[i] = (byte)(2 * i);
        return Record("ncclGetUniqueId");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CommInitRankConfig(nint* comm, int worldSize, NcclUniqueId id, int rank, NcclConfig* config)
    {
        *comm = Communicator;
        // By fixed offsets, as NCCL reads it.
        var (size, magic, version, blocking) = (*(ulong*)config, *(uint*)((byte*)config + 8), *(uint*)((byte*)config + 12), *(int*)((byte*)config + 16));
        return Record($"ncclCommInitRankConfig {worldSize} {id.Bytes[0]}…{id.Bytes[127]} {rank} {size} {magic:x} {version} {blocking}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CommGetAsyncError(nint comm, int* state)
    {
        *state = States.TryDequeue(out var next) ? next : 0;
        return Record($"ncclCommGetAsyncError {comm}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CommAbort(nint comm) => Record($"ncclCommAbort {comm}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int AllReduce(void* send, void* receive, nuint count, int type, int op, nint comm, nint stream) =>
        Record($"ncclAllReduce {(nint)send} {(nint)receive} {count} {type} {op} {comm} {stream}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Broadcast(void* send, void* receive, nuint count, int type, int root, nint comm, nint stream) =>
        Record($"ncclBroadcast {(nint)send} {(nint)receive} {count} {type} {root} {comm} {stream}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* NcclErrorString(int code) => systemError;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* GetLastError(nint comm) => lastError;
}
