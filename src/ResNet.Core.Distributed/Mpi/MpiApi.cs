using System.Text;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>
/// The MPI functions that this library needs. All must be called on the thread that calls <see cref="Init"/>. Each throws a <see cref="MpiException"/> if MPI
/// reports an error.
/// </summary>
/// <remarks>
/// MPI writes handles into a <see cref="nint"/> that was zero. MPICH's handles have four bytes and fill its lower half, which is correct on the little-endian
/// machines that TorchSharp supports. Where MPICH takes a handle by value, it only reads the lower half.
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

    /// <param name="library">The MPI library.</param>
    /// <exception cref="EntryPointNotFoundException">The library is older than MPI 3.</exception>
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

    /// <summary>The version string of the library.</summary>
    public string Version { get; }

    /// <summary>The constants of the library.</summary>
    public MpiAbi Abi { get; }

    /// <summary>Whether <c>MPI_Init</c> was called in this process.</summary>
    public bool IsInitialized()
    {
        int flag;
        Check(_initialized(&flag), "MPI_Initialized");
        return flag != 0;
    }

    /// <summary>Joins the other ranks, and waits for all of them.</summary>
    public void Init()
    {
        int provided;
        Check(_initThread(null, null, Abi.ThreadFunneled, &provided), "MPI_Init_thread");
        ReturnErrors(Abi.CommWorld);
        if (provided < Abi.ThreadFunneled)
            throw new NotSupportedException($"expected an MPI with support for multithreaded programs (MPI_THREAD_FUNNELED, {Abi.ThreadFunneled}), got {Version}, which provides {provided}");
    }

    /// <summary>Calls <c>MPI_Finalize</c>, which waits for all ranks. No other function may be called afterwards.</summary>
    public void FinalizeMpi() => Check(_finalize(), "MPI_Finalize");

    /// <summary>Ends all ranks. If MPI fails to, this method returns, and the caller must end the process.</summary>
    /// <param name="exitCode">The exit code, if the launcher passes it on.</param>
    public void Abort(int exitCode) => _ = _abort(Abi.CommWorld, exitCode);

    /// <summary>The rank of this process in a communicator, from 0.</summary>
    public int GetRank(nint comm)
    {
        int rank;
        Check(_rank(comm, &rank), "MPI_Comm_rank");
        return rank;
    }

    /// <summary>The number of processes in a communicator.</summary>
    public int GetSize(nint comm)
    {
        int size;
        Check(_size(comm, &size), "MPI_Comm_size");
        return size;
    }

    /// <summary>Creates a communicator of the same processes with separate messages. Waits for all of them.</summary>
    public nint Duplicate(nint comm)
    {
        nint result = 0;
        Check(_duplicate(comm, &result), "MPI_Comm_dup");
        ReturnErrors(result);
        return result;
    }

    /// <summary>Creates a communicator of the processes on the same machine, in the order of their ranks. Waits for all of them.</summary>
    public nint SplitShared(nint comm)
    {
        nint result = 0;
        Check(_splitType(comm, Abi.CommTypeShared, 0, Abi.InfoNull, &result), "MPI_Comm_split_type");
        ReturnErrors(result);
        return result;
    }

    /// <summary>Frees a communicator.</summary>
    public void Free(nint comm) => Check(_free(&comm), "MPI_Comm_free");

    /// <summary>Starts reducing each element over the ranks, in place.</summary>
    /// <param name="buffer">The elements, which must not move until the request is complete.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="datatype">The type of the elements, from <see cref="Abi"/>.</param>
    /// <param name="op">The reduction, from <see cref="Abi"/>.</param>
    /// <param name="comm">The communicator. All its ranks must pass the same count, type and reduction.</param>
    /// <returns>The request.</returns>
    public nint IAllReduce(void* buffer, int count, nint datatype, nint op, nint comm)
    {
        nint request = 0;
        Check(_iAllReduce(Abi.InPlace, buffer, count, datatype, op, comm, &request), "MPI_Iallreduce");
        return request;
    }

    /// <summary>Starts copying each element from one rank to all ranks.</summary>
    /// <param name="buffer">The elements, which must not move until the request is complete.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="datatype">The type of the elements, from <see cref="Abi"/>.</param>
    /// <param name="root">The rank to copy from.</param>
    /// <param name="comm">The communicator. All its ranks must pass the same count, type and root.</param>
    /// <returns>The request.</returns>
    public nint IBroadcast(void* buffer, int count, nint datatype, int root, nint comm)
    {
        nint request = 0;
        Check(_iBroadcast(buffer, count, datatype, root, comm, &request), "MPI_Ibcast");
        return request;
    }

    /// <summary>Starts a barrier.</summary>
    /// <returns>The request.</returns>
    public nint IBarrier(nint comm)
    {
        nint request = 0;
        Check(_iBarrier(comm, &request), "MPI_Ibarrier");
        return request;
    }

    /// <summary>Makes progress on a request without blocking.</summary>
    /// <param name="request">The request. It becomes <see cref="MpiAbi.RequestNull"/> when it is complete.</param>
    /// <returns>Whether the request is complete.</returns>
    public bool Test(ref nint request)
    {
        int flag;
        fixed (nint* address = &request)
            Check(_test(address, &flag, Abi.StatusIgnore), "MPI_Test");
        return flag != 0;
    }

    /// <summary>Starts sending a message.</summary>
    /// <param name="buffer">The message, which must not change until the request is complete.</param>
    /// <param name="bytes">The size of the message in bytes.</param>
    /// <param name="destination">The rank to send to.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="comm">The communicator of both ranks.</param>
    /// <returns>The request.</returns>
    public nint ISend(void* buffer, int bytes, int destination, int tag, nint comm)
    {
        nint request = 0;
        Check(_iSend(buffer, bytes, Abi.Byte, destination, tag, comm, &request), "MPI_Isend");
        return request;
    }

    /// <summary>Whether a message with this tag has arrived from any rank, so that <see cref="Receive"/> would not block.</summary>
    public bool IProbe(int tag, nint comm)
    {
        int flag;
        Check(_iProbe(Abi.AnySource, tag, comm, &flag, Abi.StatusIgnore), "MPI_Iprobe");
        return flag != 0;
    }

    /// <summary>Receives a message with this tag from any rank. Blocks until there is one.</summary>
    /// <param name="buffer">The memory for the message.</param>
    /// <param name="bytes">The size of the memory in bytes.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="comm">The communicator.</param>
    public void Receive(void* buffer, int bytes, int tag, nint comm) =>
        Check(_receive(buffer, bytes, Abi.Byte, Abi.AnySource, tag, comm, Abi.StatusIgnore), "MPI_Recv");

    // Otherwise MPI ends all processes at the first error. Not every MPI copies the setting to a new communicator.
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
