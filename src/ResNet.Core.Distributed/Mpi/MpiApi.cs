using System.Text;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>
/// MPI's functions, as far as they are needed. All of them are called on the thread that calls <see cref="Init"/>. Each throws
/// <see cref="MpiException"/> where MPI reports an error.
/// </summary>
/// <remarks>
/// A handle that MPI writes goes into a <see cref="nint"/> that was zero: MPICH's have four bytes and fill the lower half of it, which
/// is right on the little-endian machines on which .NET runs TorchSharp. Where MPICH takes a handle by value, it looks at the lower half alone.
/// </remarks>
internal sealed unsafe class MpiApi
{
    private readonly delegate* unmanaged[Cdecl]<int*, int> _initialized;
    private readonly delegate* unmanaged[Cdecl]<int*, void*, int, int*, int> _initThread;
    private readonly delegate* unmanaged[Cdecl]<int> _finalize;
    private readonly delegate* unmanaged[Cdecl]<nint, int, int> _abort;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged[Cdecl]<int, byte*, int*, int> _errorString;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int> _rank;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int> _size;
    private readonly delegate* unmanaged[Cdecl]<nint, nint*, int> _duplicate;
    private readonly delegate* unmanaged[Cdecl]<nint, int, int, nint, nint*, int> _splitType;
    private readonly delegate* unmanaged[Cdecl]<nint*, int> _free;
    private readonly delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, nint*, int> _iAllReduce;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int> _iBroadcast;
    private readonly delegate* unmanaged[Cdecl]<nint, nint*, int> _iBarrier;
    private readonly delegate* unmanaged[Cdecl]<nint*, int*, nint, int> _test;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> _iSend;
    private readonly delegate* unmanaged[Cdecl]<int, int, nint, int*, nint, int> _iProbe;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint, int> _receive;

    /// <param name="library">Which MPI.</param>
    /// <exception cref="EntryPointNotFoundException">It is one before MPI 3.</exception>
    public MpiApi(MpiLibrary library)
    {
        (Version, Abi) = (library.Version, library.Abi);
        _initialized = (delegate* unmanaged[Cdecl]<int*, int>)library.Find("MPI_Initialized");
        _initThread = (delegate* unmanaged[Cdecl]<int*, void*, int, int*, int>)library.Find("MPI_Init_thread");
        _finalize = (delegate* unmanaged[Cdecl]<int>)library.Find("MPI_Finalize");
        _abort = (delegate* unmanaged[Cdecl]<nint, int, int>)library.Find("MPI_Abort");
        _setErrorHandler = (delegate* unmanaged[Cdecl]<nint, nint, int>)library.Find("MPI_Comm_set_errhandler");
        _errorString = (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)library.Find("MPI_Error_string");
        _rank = (delegate* unmanaged[Cdecl]<nint, int*, int>)library.Find("MPI_Comm_rank");
        _size = (delegate* unmanaged[Cdecl]<nint, int*, int>)library.Find("MPI_Comm_size");
        _duplicate = (delegate* unmanaged[Cdecl]<nint, nint*, int>)library.Find("MPI_Comm_dup");
        _splitType = (delegate* unmanaged[Cdecl]<nint, int, int, nint, nint*, int>)library.Find("MPI_Comm_split_type");
        _free = (delegate* unmanaged[Cdecl]<nint*, int>)library.Find("MPI_Comm_free");
        _iAllReduce = (delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, nint*, int>)library.Find("MPI_Iallreduce");
        _iBroadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int>)library.Find("MPI_Ibcast");
        _iBarrier = (delegate* unmanaged[Cdecl]<nint, nint*, int>)library.Find("MPI_Ibarrier");
        _test = (delegate* unmanaged[Cdecl]<nint*, int*, nint, int>)library.Find("MPI_Test");
        _iSend = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)library.Find("MPI_Isend");
        _iProbe = (delegate* unmanaged[Cdecl]<int, int, nint, int*, nint, int>)library.Find("MPI_Iprobe");
        _receive = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint, int>)library.Find("MPI_Recv");
    }

    /// <summary>What the library says of itself.</summary>
    public string Version { get; }

    /// <summary>Its constants.</summary>
    public MpiAbi Abi { get; }

    /// <summary>Whether somebody in this process has called <c>MPI_Init</c>.</summary>
    public bool IsInitialized()
    {
        int flag;
        Check(_initialized(&flag), "MPI_Initialized");
        return flag != 0;
    }

    /// <summary>Joins the other ranks. Waits for all of them.</summary>
    public void Init()
    {
        int provided;
        Check(_initThread(null, null, Abi.ThreadFunneled, &provided), "MPI_Init_thread");
        ReturnErrors(Abi.CommWorld);
        if (provided < Abi.ThreadFunneled)
            throw new NotSupportedException($"expected an MPI that lets one thread of several call it (MPI_THREAD_FUNNELED, {Abi.ThreadFunneled}), got {Version}, which offers {provided}");
    }

    /// <summary>Calls <c>MPI_Finalize</c>. Waits for all ranks. No other function may be called after it.</summary>
    public void FinalizeMpi() => Check(_finalize(), "MPI_Finalize");

    /// <summary>Ends all ranks. Comes back where MPI cannot, whatever the reason: then the caller has to end the process.</summary>
    /// <param name="exitCode">With which they end, as far as the launcher passes it on.</param>
    public void Abort(int exitCode) => _ = _abort(Abi.CommWorld, exitCode);

    /// <summary>This process's number in a communicator, from 0.</summary>
    public int Rank(nint comm)
    {
        int rank;
        Check(_rank(comm, &rank), "MPI_Comm_rank");
        return rank;
    }

    /// <summary>How many processes a communicator has.</summary>
    public int Size(nint comm)
    {
        int size;
        Check(_size(comm, &size), "MPI_Comm_size");
        return size;
    }

    /// <summary>A communicator of the same processes, whose messages do not mix with those of the other one. Waits for all of them.</summary>
    public nint Duplicate(nint comm)
    {
        nint result = 0;
        Check(_duplicate(comm, &result), "MPI_Comm_dup");
        ReturnErrors(result);
        return result;
    }

    /// <summary>A communicator of those processes that share this one's memory, in the order of their ranks. Waits for all of them.</summary>
    public nint SplitShared(nint comm)
    {
        nint result = 0;
        Check(_splitType(comm, Abi.CommTypeShared, 0, Abi.InfoNull, &result), "MPI_Comm_split_type");
        ReturnErrors(result);
        return result;
    }

    /// <summary>Gives a communicator back.</summary>
    public void Free(nint comm) => Check(_free(&comm), "MPI_Comm_free");

    /// <summary>Begins to replace each element by what <paramref name="op"/> makes of the ranks' elements.</summary>
    /// <param name="buffer">Must stay where it is until the request is completed.</param>
    /// <param name="count">In elements.</param>
    /// <param name="datatype">One of <see cref="Abi"/>.</param>
    /// <param name="op">One of <see cref="Abi"/>.</param>
    /// <param name="comm">All of its ranks take part, with the same count, type and operation.</param>
    /// <returns>The request.</returns>
    public nint IAllReduce(void* buffer, int count, nint datatype, nint op, nint comm)
    {
        nint request = 0;
        Check(_iAllReduce(Abi.InPlace, buffer, count, datatype, op, comm, &request), "MPI_Iallreduce");
        return request;
    }

    /// <summary>Begins to replace each element by that of one rank.</summary>
    /// <param name="buffer">Must stay where it is until the request is completed.</param>
    /// <param name="count">In elements.</param>
    /// <param name="datatype">One of <see cref="Abi"/>.</param>
    /// <param name="root">The rank whose elements all get.</param>
    /// <param name="comm">All of its ranks take part, with the same count, type and root.</param>
    /// <returns>The request.</returns>
    public nint IBroadcast(void* buffer, int count, nint datatype, int root, nint comm)
    {
        nint request = 0;
        Check(_iBroadcast(buffer, count, datatype, root, comm, &request), "MPI_Ibcast");
        return request;
    }

    /// <summary>Begins to wait until all ranks have come here.</summary>
    /// <returns>The request.</returns>
    public nint IBarrier(nint comm)
    {
        nint request = 0;
        Check(_iBarrier(comm, &request), "MPI_Ibarrier");
        return request;
    }

    /// <summary>Moves a request on as far as it goes without waiting.</summary>
    /// <param name="request">Becomes <see cref="MpiAbi.RequestNull"/> when it is completed.</param>
    /// <returns>Whether it is completed.</returns>
    public bool Test(ref nint request)
    {
        int flag;
        fixed (nint* address = &request)
            Check(_test(address, &flag, Abi.StatusIgnore), "MPI_Test");
        return flag != 0;
    }

    /// <summary>Begins to send a message.</summary>
    /// <param name="buffer">Must stay as it is until the request is completed.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="destination">The rank that gets it.</param>
    /// <param name="tag">By which it is received.</param>
    /// <param name="comm">Of both.</param>
    /// <returns>The request.</returns>
    public nint ISend(void* buffer, int bytes, int destination, int tag, nint comm)
    {
        nint request = 0;
        Check(_iSend(buffer, bytes, Abi.Byte, destination, tag, comm, &request), "MPI_Isend");
        return request;
    }

    /// <summary>Whether a message with this tag has come from any rank, so that <see cref="Receive"/> would not wait.</summary>
    public bool IProbe(int tag, nint comm)
    {
        int flag;
        Check(_iProbe(Abi.AnySource, tag, comm, &flag, Abi.StatusIgnore), "MPI_Iprobe");
        return flag != 0;
    }

    /// <summary>Takes a message with this tag from any rank. Waits until there is one.</summary>
    /// <param name="buffer">Where it goes.</param>
    /// <param name="bytes">The most that it may have.</param>
    /// <param name="tag">With which it was sent.</param>
    /// <param name="comm">In which it was sent.</param>
    public void Receive(void* buffer, int bytes, int tag, nint comm) =>
        Check(_receive(buffer, bytes, Abi.Byte, Abi.AnySource, tag, comm, Abi.StatusIgnore), "MPI_Recv");

    // Otherwise MPI ends all processes at the first error. A new communicator takes this over from the old one, but not in every MPI.
    private void ReturnErrors(nint comm) => Check(_setErrorHandler(comm, Abi.ErrorsReturn), "MPI_Comm_set_errhandler");

    private void Check(int code, string function)
    {
        if (code == 0)
            return;
        var text = stackalloc byte[MpiAbi.MaxErrorString];
        int length;
        throw new MpiException(function, _errorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, MpiAbi.MaxErrorString)) : "an error that it does not explain", code);
    }
}
