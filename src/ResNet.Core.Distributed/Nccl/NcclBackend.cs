using ResNet.Core.Distributed.Communication;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Nccl;

/// <summary>
/// Transfers CUDA tensors with NCCL, on a stream parallel to that of libtorch. One device per rank, one operation at a time.
/// </summary>
/// <remarks>Tested with several ranks against fakes of NCCL and CUDA, and with one rank against NCCL.</remarks>
internal sealed unsafe class NcclBackend : IBackend
{
    // TorchSharp does not expose streams, so libtorch always uses the default one.
    private const nint DefaultStream = 0;

    private readonly NcclFunctions _nccl;
    private readonly CudaDriver _cuda;
    private readonly int _device;
    private readonly nint _stream, _ready, _done, _comm;
    private IWork? _work;

    /// <summary>Makes the device current on this thread and starts joining the other ranks. <see cref="Connection"/> tells when all have joined.</summary>
    /// <param name="nccl">The NCCL functions.</param>
    /// <param name="cuda">The CUDA driver functions.</param>
    /// <param name="uniqueId">The id from <see cref="CreateUniqueId"/> on rank 0, the same on all ranks.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="worldSize">The number of ranks.</param>
    /// <param name="device">The index of this rank's device on its machine, as libtorch counts. Ranks must not share a device.</param>
    /// <exception cref="DistributedException">The device does not exist, or NCCL reported an error.</exception>
    public NcclBackend(NcclFunctions nccl, CudaDriver cuda, byte[] uniqueId, int rank, int worldSize, int device)
    {
        if (uniqueId.Length != NcclUniqueId.Size)
            throw new ArgumentException($"expected {NcclUniqueId.Size} bytes, got {uniqueId.Length}", nameof(uniqueId));
        (_nccl, _cuda) = (nccl, cuda);
        cuda.Check(cuda.Init(0), "cuInit");
        int handle;
        cuda.Check(cuda.DeviceGet(&handle, device), $"cuDeviceGet, device {device}");
        _device = handle;
        nint context, stream, ready, done, comm = 0;
        cuda.Check(cuda.PrimaryContextRetain(&context, handle), "cuDevicePrimaryCtxRetain");
        cuda.Check(cuda.ContextSetCurrent(context), "cuCtxSetCurrent");
        const uint nonBlocking = 1, withoutTime = 2;
        cuda.Check(cuda.StreamCreate(&stream, nonBlocking), "cuStreamCreate");
        cuda.Check(cuda.EventCreate(&ready, withoutTime), "cuEventCreate");
        cuda.Check(cuda.EventCreate(&done, withoutTime), "cuEventCreate");
        (_stream, _ready, _done) = (stream, ready, done);
        NcclUniqueId id;
        uniqueId.CopyTo(new Span<byte>(id.Bytes, NcclUniqueId.Size));
        var config = new NcclConfig();
        nccl.Check(nccl.CommInitRankConfig(&comm, worldSize, id, rank, &config), "ncclCommInitRankConfig", comm);
        _comm = comm;
        Connection = new Launch(this, "ncclCommInitRankConfig");
        _work = Connection;
    }

    /// <summary>Complete when all ranks have joined. No operation may start before.</summary>
    public IWork Connection { get; }

    /// <summary>Creates the id of the group. Called on rank 0, which then sends it to the others.</summary>
    public static byte[] CreateUniqueId(NcclFunctions nccl)
    {
        NcclUniqueId id;
        nccl.Check(nccl.GetUniqueId(&id), "ncclGetUniqueId", 0);
        return new Span<byte>(id.Bytes, NcclUniqueId.Size).ToArray();
    }

    /// <summary>Whether NCCL reduces elements of this type.</summary>
    public static bool Reduces(ScalarType type) => FindNumber(type) is not null;

    public IWork AllReduce(Tensor tensor, ReduceOp op)
    {
        var type = FindNumber(tensor.dtype) ?? throw new ArgumentException($"expected a type that NCCL reduces, got {tensor.dtype}", nameof(tensor));
        var operation = op switch
        {
            ReduceOp.Sum => 0,
            ReduceOp.Product => 1,
            ReduceOp.Max => 2,
            ReduceOp.Min => 3,
            _ => throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max"),
        };
        var address = TensorAddress.Find(tensor);
        WaitForDefaultStream();
        return Begin("ncclAllReduce", _nccl.AllReduce(address, address, (nuint)tensor.numel(), type, operation, _comm, _stream));
    }

    /// <remarks>Sends bytes, so that every element type works.</remarks>
    public IWork Broadcast(Tensor tensor, int src)
    {
        const int uint8 = 1;
        var address = TensorAddress.Find(tensor);
        WaitForDefaultStream();
        return Begin("ncclBroadcast", _nccl.Broadcast(address, address, (nuint)(tensor.numel() * tensor.ElementSize), uint8, src, _comm, _stream));
    }

    /// <remarks>
    /// The ranks have waited for each other before, so the last operation is complete; or a rank is lost, and NCCL's orderly shutdown would wait for it. Errors
    /// are ignored here.
    /// </remarks>
    public void Dispose()
    {
        _ = _nccl.CommAbort(_comm);
        _ = _cuda.EventDestroy(_ready);
        _ = _cuda.EventDestroy(_done);
        _ = _cuda.StreamDestroy(_stream);
        _ = _cuda.PrimaryContextRelease(_device);
    }

    private static int? FindNumber(ScalarType type) => type switch
    {
        ScalarType.Int8 => 0,
        ScalarType.Byte => 1,
        ScalarType.Int32 => 2,
        ScalarType.Int64 => 4,
        ScalarType.Float16 => 6,
        ScalarType.Float32 => 7,
        ScalarType.Float64 => 8,
        ScalarType.BFloat16 => 9,
        _ => null,
    };

    // This thread runs ahead of the device, so the tensor's elements may not be computed yet.
    private void WaitForDefaultStream()
    {
        if (_work is not null)
            throw new InvalidOperationException("an operation starts before the last one is complete");
        _cuda.Check(_cuda.EventRecord(_ready, DefaultStream), "cuEventRecord");
        _cuda.Check(_cuda.StreamWaitEvent(_stream, _ready, 0), "cuStreamWaitEvent");
    }

    private IWork Begin(string function, int code)
    {
        _nccl.Check(code, function, _comm);
        return _work = new Execution(this, new Launch(this, function));
    }

    /// <summary>NCCL's work on the CPU, on its own thread.</summary>
    private sealed class Launch(NcclBackend backend, string function) : IWork
    {
        /// <exception cref="DistributedException">The operation failed on this rank or, if NCCL notices, on another one.</exception>
        public bool IsCompleted()
        {
            int state;
            backend._nccl.Check(backend._nccl.CommGetAsyncError(backend._comm, &state), "ncclCommGetAsyncError", backend._comm);
            backend._nccl.Check(state, function, backend._comm);
            if (state == NcclFunctions.InProgress)
                return false;
            if (backend._work == this)
                backend._work = null;
            return true;
        }
    }

    /// <summary>The device's work after that.</summary>
    private sealed class Execution(NcclBackend backend, Launch launch) : IWork
    {
        private bool _isLaunched;

        public bool IsCompleted()
        {
            // Checked again while the device works, since another rank may be lost meanwhile.
            if (!launch.IsCompleted())
                return false;
            var cuda = backend._cuda;
            if (!_isLaunched)
            {
                // Not earlier: an event recorded before the launch would also occur before the operation.
                cuda.Check(cuda.EventRecord(backend._done, backend._stream), "cuEventRecord");
                _isLaunched = true;
            }
            var code = cuda.EventQuery(backend._done);
            if (code == CudaDriver.NotReady)
                return false;
            cuda.Check(code, "cuEventQuery");
            backend._work = null;
            return true;
        }
    }
}
