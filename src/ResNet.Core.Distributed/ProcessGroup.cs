using System.Diagnostics.CodeAnalysis;
using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Mpi;
using ResNet.Core.Distributed.Nccl;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>
/// The processes that train together, and what they do with tensors together: <c>torch.distributed</c>'s default group. They are
/// started by MPI's launcher, <c>mpirun</c> or <c>srun</c>; without a launcher the group is this one process.
/// </summary>
/// <remarks>
/// <para>Every rank calls the same operations in the same order, each from one thread at a time.</para>
/// <para>
/// A rank that ends by an exception, or without <see cref="Dispose"/>, ends all ranks with a non-zero code: the others could only wait
/// for it. A program that catches exceptions does so inside the group's <c>using</c>, and calls <see cref="Abort"/>: outside, the group has
/// been disposed of, and all that the others see is that this rank has left.
/// </para>
/// </remarks>
public sealed class ProcessGroup : IDisposable
{
    private static readonly TimeSpan defaultTimeout = TimeSpan.FromMinutes(10);

    // MPI_Abort takes a moment where it works, and forever where it does not.
    private static readonly TimeSpan abortPatience = TimeSpan.FromSeconds(3);

    // A launcher that is told to end all ranks, as MPICH's is, may drop what it has not yet read of their output.
    private static readonly TimeSpan timeToBeRead = TimeSpan.FromMilliseconds(200);

    private static ProcessGroup? current;
    private static bool mpiWasUsed;

    private readonly CommunicationThread? _thread;
    private readonly UnexpectedEnd? _unexpectedEnd;
    private MpiApi? _mpi;
    private MpiBackend? _memory;
    private NcclBackend? _gpus;
    private int _processors;
    private int _unfinished;
    private bool _isDisposed;

    /// <summary>The group of one.</summary>
    private ProcessGroup() => (WorldSize, LocalWorldSize) = (1, 1);

    private ProcessGroup(Launcher launcher, TimeSpan timeout)
    {
        (Rank, WorldSize) = (launcher.Rank, launcher.WorldSize);
        _thread = new CommunicationThread(Name, timeout, AbortMpi);
        // From here on, since a rank that cannot connect must not leave the others waiting either.
        _unexpectedEnd = new UnexpectedEnd((code, message) => End(code, message is null ? null : $"{Name}: {message}"));
        try
        {
            _thread.Start(() => Connect(launcher));
        }
        catch (DistributedException) when (_mpi is null)
        {
            // There is no MPI that would have to be ended; the program may go on by itself.
            _unexpectedEnd.Dispose();
            throw;
        }
        Collectives = new Collectives(_thread, _memory);
        ConnectGpus();
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null or "")
            set_num_threads(_processors);
    }

    /// <summary>This process's number in the group, from 0.</summary>
    public int Rank { get; private set; }

    /// <summary>How many processes the group has.</summary>
    public int WorldSize { get; }

    /// <summary>This process's number among those of its machine, from 0: the index of its GPU.</summary>
    public int LocalRank { get; private set; }

    /// <summary>How many of the processes are on this machine.</summary>
    public int LocalWorldSize { get; private set; }

    /// <summary>Its operations, for a wrapper that begins some and ends them later.</summary>
    internal Collectives Collectives { get; private set; } = new();

    private string Name => $"rank {Rank} of {WorldSize}";

    /// <summary>
    /// Joins the group that the launcher has started. Unless <c>OMP_NUM_THREADS</c> says how many threads libtorch computes with, each rank
    /// gets its share of the machine's processors.
    /// </summary>
    /// <param name="timeout">How long an operation may take on this rank; by default ten minutes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">This process is in a group already, or was in one that MPI connected: MPI starts once in a process.</exception>
    /// <exception cref="DistributedException">There is a launcher, and no MPI library or another one's; or MPI reported an error.</exception>
    /// <exception cref="TimeoutException">The other ranks did not come in time.</exception>
    public static ProcessGroup Init(TimeSpan? timeout = null)
    {
        if (timeout is { } given && (given <= TimeSpan.Zero || given.TotalMilliseconds > int.MaxValue))
            throw new ArgumentOutOfRangeException(nameof(timeout), given, $"expected a time above zero and of at most {TimeSpan.FromMilliseconds(int.MaxValue).TotalDays:0} days");
        if (current is not null)
            throw new InvalidOperationException("this process is in a group already: expected one ProcessGroup at a time");
        if (Launcher.Find(Environment.GetEnvironmentVariable) is not { WorldSize: > 1 } launcher)
            return current = new ProcessGroup();
        if (mpiWasUsed)
            throw new InvalidOperationException("expected one call in the life of a process, in which MPI starts only once; got another one");
        mpiWasUsed = true;
        return current = new ProcessGroup(launcher, timeout ?? defaultTimeout);
    }

    /// <summary>Replaces each element of <paramref name="tensor"/> by what <paramref name="op"/> makes of the ranks' elements. Every rank gets the same bits.</summary>
    /// <param name="tensor">
    /// The same shape and type on every rank: a floating-point number or an integer. Numbers of 16 bits are reduced in 32 and rounded once.
    /// Its memory is written to; autograd does not see it.
    /// </param>
    /// <param name="op">How. The minimum and the maximum of a NaN and a number are NaN; zeros have no sign there.</param>
    /// <exception cref="ArgumentException">The tensor has a type that cannot be reduced.</exception>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that have not been synchronized.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void AllReduce(Tensor tensor, ReduceOp op = ReduceOp.Sum)
    {
        Expect(tensor);
        if (!Enum.IsDefined(op))
            throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max");
        Collectives.FindCarrier(tensor.device, tensor.dtype); // which refuses on one rank what it would on several
        Collectives.AllReduce(tensor, op);
    }

    /// <summary>Replaces <paramref name="tensor"/> by that of rank <paramref name="src"/>, bit by bit.</summary>
    /// <param name="tensor">The same shape and type on every rank. Its memory is written to; autograd does not see it.</param>
    /// <param name="src">The rank whose elements all get.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no rank <paramref name="src"/>.</exception>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that have not been synchronized.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void Broadcast(Tensor tensor, int src = 0)
    {
        Expect(tensor);
        if (src < 0 || src >= WorldSize)
            throw new ArgumentOutOfRangeException(nameof(src), src, $"expected a rank from 0 to {WorldSize - 1}");
        Collectives.Broadcast(tensor, src);
    }

    /// <summary>Waits until every rank has come here.</summary>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that have not been synchronized.</exception>
    /// <exception cref="DistributedException">A rank is in another operation, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void Barrier()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ExpectNoneUnfinished();
        Collectives.Barrier();
    }

    /// <summary>
    /// Ends every rank at once, this one included: for a program that has caught an error and cannot go on. Does not return.
    /// </summary>
    /// <param name="exitCode">Of this process and, where it passes it on, of the launcher: 1 to 255.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exitCode"/> is another number.</exception>
    [DoesNotReturn]
    public void Abort(int exitCode = 1)
    {
        if (exitCode is < 1 or > 255)
            throw new ArgumentOutOfRangeException(nameof(exitCode), exitCode, "expected a code from 1 to 255, of which the system keeps no more");
        if (_thread is null)
            Environment.Exit(exitCode);
        End(exitCode, message: null);
    }

    /// <summary>Leaves the group, together with all other ranks: it waits for them as every operation does.</summary>
    /// <exception cref="TimeoutException">Another rank goes on. Every rank ends then.</exception>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (_thread is not null)
            Leave(_thread);
        current = null;
    }

    /// <summary>Counts wrappers whose gradients may be under way. The ranks send these at moments of their own, between which nothing else fits.</summary>
    internal void CountUnfinished(int difference) => Interlocked.Add(ref _unfinished, difference);

    private void ExpectNoneUnfinished()
    {
        if (Volatile.Read(ref _unfinished) > 0)
            throw new InvalidOperationException("expected synchronize() of each DistributedDataParallel after its backward pass before anything else that the ranks do together");
    }

    private void Expect(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ObjectDisposedException.ThrowIf(tensor.IsInvalid, tensor);
        ExpectNoneUnfinished();
        if (tensor.is_sparse || tensor.is_meta)
            throw new ArgumentException("expected a dense tensor with elements in memory", nameof(tensor));
    }

    /// <summary>Called on the communication thread.</summary>
    private RollCall Connect(Launcher launcher)
    {
        var mpi = new MpiApi(MpiLibrary.Load(launcher, Environment.GetEnvironmentVariable));
        if (mpi.IsInitialized())
            throw new DistributedException("expected to initialize MPI, which other code of this process has done already");
        if (launcher.Advise(mpi.Version, Environment.GetEnvironmentVariable) is { } advice && launcher.Rank == 0)
            UnexpectedEnd.Say(advice); // not thrown: there are libraries that find each other all the same
        mpi.Init();
        _mpi = mpi;
        var world = mpi.Abi.CommWorld;
        if (mpi.Size(world) is var size && size != launcher.WorldSize)
            throw new DistributedException(
                $"{launcher.Name} has started {launcher.WorldSize} processes, of which the MPI library knows {size}: expected the launcher's own library, got {mpi.Version}{launcher.HintFor(mpi.Version)}");
        Rank = mpi.Rank(world);

        var machine = mpi.SplitShared(world);
        (LocalRank, LocalWorldSize) = (mpi.Rank(machine), mpi.Size(machine));
        _processors = ProcessorShare.Find(mpi, machine, LocalWorldSize);
        mpi.Free(machine);

        _memory = new MpiBackend(mpi, mpi.Duplicate(world));
        return new RollCall(mpi, mpi.Duplicate(world), Rank, WorldSize);
    }

    /// <summary>Joins the GPUs where every rank has one to itself, and NCCL.</summary>
    private void ConnectGpus()
    {
        var nccl = cuda.is_available() && cuda.device_count() >= LocalWorldSize ? NcclFunctions.TryLoad() : null;
        using var haveAll = tensor(nccl is null ? 0L : 1L);
        _thread!.Post("Init", () => _memory!.AllReduce(haveAll, ReduceOp.Min)).Wait();
        if (nccl is null || haveAll.item<long>() == 0)
        {
            if (cuda.is_available() && Rank == 0)
                UnexpectedEnd.Say(
                    $"{Name}: CUDA tensors go through main memory, since not every rank has what NCCL needs: here {cuda.device_count()} GPUs are visible to {LocalWorldSize} ranks, and NCCL {(NcclFunctions.TryLoad() is null ? "was not found" : "is there")}");
            return;
        }
        using var id = Rank == 0 ? tensor(NcclBackend.CreateUniqueId(nccl)) : zeros(NcclUniqueId.Size, ScalarType.Byte);
        Broadcast(id);
        var bytes = id.data<byte>().ToArray();
        _thread.Post("NCCL's initialization", () =>
        {
            var gpus = new NcclBackend(nccl, CudaDriver.Load(), bytes, Rank, WorldSize, LocalRank);
            _gpus = gpus;
            return gpus.Connection;
        }).Wait();
        Collectives = new Collectives(_thread, _memory, _gpus, LocalRank);
    }

    private void AbortMpi(int exitCode) => _mpi?.Abort(exitCode);

    private void Leave(CommunicationThread thread)
    {
        try
        {
            if (thread.Failure is { } failure)
                throw new DistributedException($"{failure.Message}; every rank ends", failure);
            thread.Leave(UnexpectedEnd.LastException, () =>
            {
                _gpus?.Dispose();
                _mpi!.FinalizeMpi();
            });
        }
        catch (Exception e) when (e is DistributedException or TimeoutException)
        {
            // MPI cannot be ended in good order any more, and the others must not wait.
            End(exitCode: 1, e.Message);
        }
        _unexpectedEnd!.Dispose();
    }

    [DoesNotReturn]
    private void End(int exitCode, string? message)
    {
        // First of all, since everything after it may wait: for a console that nobody reads, or in MPI_Abort for what never comes.
        new Thread(() =>
        {
            Thread.Sleep(abortPatience);
            UnexpectedEnd.EndProcess(exitCode);
        })
        { IsBackground = true }.Start();
        if (message is not null)
            UnexpectedEnd.Say(message);
        try
        {
            Console.Out.Flush();
            Console.Error.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            // Nobody is there to read it; the exit code still tells.
        }
        Thread.Sleep(timeToBeRead);
        _thread!.Abort(exitCode, abortPatience);
        UnexpectedEnd.EndProcess(exitCode);
    }
}
