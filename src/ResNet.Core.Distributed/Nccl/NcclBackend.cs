using ResNet.Core.Distributed.Communication;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Nccl;

/// <summary>
/// CUDA tensors, by NCCL, on a stream beside the one on which libtorch computes. One device a rank, one operation at a time.
/// </summary>
/// <remarks>Several ranks are tested against functions that stand in for NCCL's and CUDA's, one against NCCL.</remarks>
internal sealed unsafe class NcclBackend : IBackend
{
    // TorchSharp has no other streams: libtorch computes on the default one.
    private const nint DefaultStream = 0;

    private readonly NcclFunctions _nccl;
    private readonly CudaDriver _cuda;
    private readonly int _device;
    private readonly nint _stream, _ready, _done, _comm;
    private IWork? _work;

    /// <summary>Makes the device current on this thread, and begins to join the other ranks, which <see cref="Connection"/> looks after.</summary>
    /// <param name="nccl">NCCL.</param>
    /// <param name="cuda">CUDA.</param>
    /// <param name="uniqueId">What <see cref="CreateUniqueId"/> gave to rank 0, on all ranks.</param>
    /// <param name="rank">This one.</param>
    /// <param name="worldSize">How many there are.</param>
    /// <param name="device">The number of this rank's device on its machine, as libtorch counts them: no two ranks share one.</param>
    /// <exception cref="DistributedException">There is no such device, or NCCL refuses.</exception>
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

    /// <summary>Completed when all ranks have joined. No operation may begin before.</summary>
    public IWork Connection { get; }

    /// <summary>Called on rank 0, which then tells the others.</summary>
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

    /// <remarks>Of the bytes, so that every type of element is carried as it is.</remarks>
    public IWork Broadcast(Tensor tensor, int src)
    {
        const int uint8 = 1;
        var address = TensorAddress.Find(tensor);
        WaitForDefaultStream();
        return Begin("ncclBroadcast", _nccl.Broadcast(address, address, (nuint)(tensor.numel() * tensor.ElementSize), uint8, src, _comm, _stream));
    }

    /// <remarks>
    /// The ranks have waited for each other before, so that nothing of the last operation is under way any more; or one of them is lost,
    /// and then NCCL's orderly way out would wait for it. What a function returns is of no use here.
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

    // The tensor's elements may be still to be computed: this thread is ahead of the device.
    private void WaitForDefaultStream()
    {
        if (_work is not null)
            throw new InvalidOperationException("an operation begins before the last one is completed");
        _cuda.Check(_cuda.EventRecord(_ready, DefaultStream), "cuEventRecord");
        _cuda.Check(_cuda.StreamWaitEvent(_stream, _ready, 0), "cuStreamWaitEvent");
    }

    private IWork Begin(string function, int code)
    {
        _nccl.Check(code, function, _comm);
        return _work = new Execution(this, new Launch(this, function));
    }

    /// <summary>What NCCL does on the processor, on a thread of its own.</summary>
    private sealed class Launch(NcclBackend backend, string function) : IWork
    {
        /// <exception cref="DistributedException">It went wrong, here or, as far as NCCL notices, on another rank.</exception>
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

    /// <summary>What the device does after that.</summary>
    private sealed class Execution(NcclBackend backend, Launch launch) : IWork
    {
        private bool _isLaunched;

        public bool IsCompleted()
        {
            // Asked again while the device works: another rank may be lost meanwhile.
            if (!launch.IsCompleted())
                return false;
            var cuda = backend._cuda;
            if (!_isLaunched)
            {
                // Not before: an event that is recorded ahead of the operation comes to pass ahead of it.
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
