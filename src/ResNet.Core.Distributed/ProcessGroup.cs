using System.Diagnostics.CodeAnalysis;
using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Mpi;
using ResNet.Core.Distributed.Nccl;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>
/// The processes that train together and their collective operations, like the default group of <c>torch.distributed</c>. MPI's launcher starts them:
/// <c>mpirun</c> or <c>srun</c>. Without a launcher, the group is this single process.
/// </summary>
/// <remarks>
/// <para>Every rank must call the same operations in the same order, from one thread at a time.</para>
/// <para>
/// If a rank ends with an unhandled exception or without <see cref="Dispose"/>, all ranks end with a non-zero exit code, since the others would wait for it
/// forever. A program that catches exceptions should do so inside the group's <c>using</c> and call <see cref="Abort"/>. Outside, the group is already disposed,
/// and the others only see that this rank has left.
/// </para>
/// </remarks>
public sealed class ProcessGroup : IDisposable
{
    private static readonly TimeSpan defaultTimeout = TimeSpan.FromMinutes(10);

    // MPI_Abort takes a moment if it works, and forever if it does not.
    private static readonly TimeSpan abortPatience = TimeSpan.FromSeconds(3);

    // A launcher that ends all ranks, such as MPICH's, may drop output that it has not yet read.
    private static readonly TimeSpan outputDelay = TimeSpan.FromMilliseconds(200);

    private static ProcessGroup? current;
    private static bool mpiWasUsed;

    private readonly CommunicationThread? _thread;
    private readonly ExitGuard? _exitGuard;
    private MpiApi? _mpi;
    private MpiBackend? _memory;
    private NcclBackend? _gpus;
    private int _processors;
    private int _unfinished;
    private bool _isDisposed;

    /// <summary>Creates a group of one process.</summary>
    private ProcessGroup() => (WorldSize, LocalWorldSize) = (1, 1);

    private ProcessGroup(Launcher launcher, TimeSpan timeout)
    {
        (Rank, WorldSize) = (launcher.Rank, launcher.WorldSize);
        _thread = new CommunicationThread(Name, timeout, AbortMpi);
        // Before connecting, since a rank that cannot connect must not leave the others waiting either.
        _exitGuard = new ExitGuard((code, message) => End(code, message is null ? null : $"{Name}: {message}"));
        try
        {
            _thread.Start(() => Connect(launcher));
        }
        catch (DistributedException) when (_mpi is null)
        {
            // MPI has not started, so the program may continue by itself.
            _exitGuard.Dispose();
            throw;
        }
        Collectives = new Collectives(_thread, _memory);
        ConnectGpus();
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null or "")
            set_num_threads(_processors);
    }

    /// <summary>The rank of this process in the group, from 0.</summary>
    public int Rank { get; private set; }

    /// <summary>The number of processes in the group.</summary>
    public int WorldSize { get; }

    /// <summary>The rank of this process on its machine, from 0. It is the index of its GPU.</summary>
    public int LocalRank { get; private set; }

    /// <summary>The number of processes on this machine.</summary>
    public int LocalWorldSize { get; private set; }

    /// <summary>The collective operations, for a wrapper that starts them and waits later.</summary>
    internal Collectives Collectives { get; private set; } = new();

    private string Name => $"rank {Rank} of {WorldSize}";

    /// <summary>
    /// Joins the group that the launcher has started. Each rank gets its share of the machine's processors, unless <c>OMP_NUM_THREADS</c> sets the number of
    /// libtorch's threads.
    /// </summary>
    /// <param name="timeout">The time limit of each operation; by default ten minutes.</param>
    /// <returns>The group. The caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">This process is already in a group, or was in an MPI group before: MPI can start only once in a process.</exception>
    /// <exception cref="DistributedException">The launcher's MPI library was not found or does not match the launcher; or MPI reported an error.</exception>
    /// <exception cref="TimeoutException">The other ranks did not join in time.</exception>
    public static ProcessGroup Init(TimeSpan? timeout = null)
    {
        if (timeout is { } given && (given <= TimeSpan.Zero || given.TotalMilliseconds > int.MaxValue))
            throw new ArgumentOutOfRangeException(nameof(timeout), given, $"expected a positive time of at most {TimeSpan.FromMilliseconds(int.MaxValue).TotalDays:0} days");
        if (current is not null)
            throw new InvalidOperationException("this process is already in a group: expected one ProcessGroup at a time");
        if (Launcher.Find(Environment.GetEnvironmentVariable) is not { WorldSize: > 1 } launcher)
            return current = new ProcessGroup();
        if (mpiWasUsed)
            throw new InvalidOperationException("expected a single call per process, since MPI can start only once; got another one");
        mpiWasUsed = true;
        return current = new ProcessGroup(launcher, timeout ?? defaultTimeout);
    }

    /// <summary>Reduces each element of <paramref name="tensor"/> over the ranks, in place. Every rank gets bit-identical results.</summary>
    /// <param name="tensor">
    /// The tensor, of the same shape and type on every rank. The type must be floating-point or integer; 16-bit numbers are reduced in 32 bits and rounded once.
    /// Autograd does not see the change.
    /// </param>
    /// <param name="op">The reduction. The minimum and maximum of a NaN and a number are NaN, and ignore the sign of zero.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="op"/> is not a defined value.</exception>
    /// <exception cref="ArgumentException">The tensor's type cannot be reduced, or it is on another rank's GPU.</exception>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that are not yet synchronized.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    public void AllReduce(Tensor tensor, ReduceOp op = ReduceOp.Sum)
    {
        Expect(tensor);
        if (!Enum.IsDefined(op))
            throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max");
        Collectives.FindTransport(tensor.device, tensor.dtype); // so that one rank refuses what several would
        Collectives.AllReduce(tensor, op);
    }

    /// <summary>Copies the elements of <paramref name="tensor"/> from rank <paramref name="src"/> to all ranks, bit by bit.</summary>
    /// <param name="tensor">The tensor, of the same shape and type on every rank. Autograd does not see the change.</param>
    /// <param name="src">The rank to copy from.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no rank <paramref name="src"/>.</exception>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that are not yet synchronized.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    public void Broadcast(Tensor tensor, int src = 0)
    {
        Expect(tensor);
        if (src < 0 || src >= WorldSize)
            throw new ArgumentOutOfRangeException(nameof(src), src, $"expected a rank from 0 to {WorldSize - 1}");
        Collectives.Broadcast(tensor, src);
    }

    /// <summary>Waits until every rank has called this method.</summary>
    /// <exception cref="InvalidOperationException">A <see cref="DistributedDataParallel"/> has gradients that are not yet synchronized.</exception>
    /// <exception cref="DistributedException">A rank is in another operation, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    public void Barrier()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ExpectNoneUnfinished();
        Collectives.Barrier();
    }

    /// <summary>
    /// Ends every rank at once, including this one, for a program that has caught an error and cannot continue. Does not return.
    /// </summary>
    /// <param name="exitCode">The exit code of this process, and of the launcher if it passes the code on; from 1 to 255.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exitCode"/> is out of range.</exception>
    [DoesNotReturn]
    public void Abort(int exitCode = 1)
    {
        if (exitCode is < 1 or > 255)
            throw new ArgumentOutOfRangeException(nameof(exitCode), exitCode, "expected an exit code from 1 to 255");
        if (_thread is null)
            Environment.Exit(exitCode);
        End(exitCode, message: null);
    }

    /// <summary>Leaves the group. Waits until all other ranks leave too, within the timeout.</summary>
    /// <exception cref="TimeoutException">Another rank did not leave. All ranks then end.</exception>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (_thread is not null)
            Leave(_thread);
        current = null;
    }

    /// <summary>Counts the wrappers with gradients in flight. Each rank sends them at its own pace, so no other operation may come in between.</summary>
    internal void CountUnfinished(int difference) => Interlocked.Add(ref _unfinished, difference);

    private void ExpectNoneUnfinished()
    {
        if (Volatile.Read(ref _unfinished) > 0)
            throw new InvalidOperationException("expected synchronize() of each DistributedDataParallel after its backward pass, before any other collective operation");
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

    /// <summary>Initializes MPI. Called on the communication thread.</summary>
    private RankMonitor Connect(Launcher launcher)
    {
        var mpi = new MpiApi(MpiLibrary.Load(launcher, Environment.GetEnvironmentVariable));
        if (mpi.IsInitialized())
            throw new DistributedException("expected to initialize MPI, but other code in this process has already done so");
        if (launcher.Advise(mpi.Version, Environment.GetEnvironmentVariable) is { } advice && launcher.Rank == 0)
            ExitGuard.WriteErrorLine(advice); // not thrown, since some libraries find each other all the same
        mpi.Init();
        _mpi = mpi;
        var world = mpi.Abi.CommWorld;
        if (mpi.GetSize(world) is var size && size != launcher.WorldSize)
            throw new DistributedException(
                $"{launcher.Name} has started {launcher.WorldSize} processes, but the MPI library sees {size}: expected the launcher's own library, got {mpi.Version}{launcher.GetHint(mpi.Version)}");
        Rank = mpi.GetRank(world);

        var machine = mpi.SplitShared(world);
        (LocalRank, LocalWorldSize) = (mpi.GetRank(machine), mpi.GetSize(machine));
        _processors = ProcessorShare.Find(mpi, machine, LocalWorldSize);
        mpi.Free(machine);

        _memory = new MpiBackend(mpi, mpi.Duplicate(world));
        return new RankMonitor(mpi, mpi.Duplicate(world), Rank, WorldSize);
    }

    /// <summary>Initializes NCCL if every rank has it and a GPU of its own.</summary>
    private void ConnectGpus()
    {
        var nccl = cuda.is_available() && cuda.device_count() >= LocalWorldSize ? NcclFunctions.TryLoad() : null;
        using var haveAll = tensor(nccl is null ? 0L : 1L);
        _thread!.Post("Init", () => _memory!.AllReduce(haveAll, ReduceOp.Min)).Wait();
        if (nccl is null || haveAll.item<long>() == 0)
        {
            if (cuda.is_available() && Rank == 0)
                ExitGuard.WriteErrorLine(
                    $"{Name}: CUDA tensors go through main memory, since not every rank can use NCCL: GPUs visible: {cuda.device_count()}, ranks on this machine: {LocalWorldSize}, and NCCL {(NcclFunctions.TryLoad() is null ? "was not found" : "was found")}");
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
            thread.Leave(ExitGuard.LastException, () =>
            {
                _gpus?.Dispose();
                _mpi!.FinalizeMpi();
            });
        }
        catch (Exception e) when (e is DistributedException or TimeoutException)
        {
            // An orderly end of MPI is no longer possible, and the others must not wait.
            End(exitCode: 1, e.Message);
        }
        _exitGuard!.Dispose();
    }

    [DoesNotReturn]
    private void End(int exitCode, string? message)
    {
        // First of all, since everything below can block: on a console that nobody reads, or forever in MPI_Abort.
        new Thread(() =>
        {
            Thread.Sleep(abortPatience);
            ExitGuard.EndProcess(exitCode);
        })
        { IsBackground = true }.Start();
        if (message is not null)
            ExitGuard.WriteErrorLine(message);
        try
        {
            Console.Out.Flush();
            Console.Error.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            // Nobody reads the output; the exit code still tells.
        }
        Thread.Sleep(outputDelay);
        _thread!.Abort(exitCode, abortPatience);
        ExitGuard.EndProcess(exitCode);
    }
}
