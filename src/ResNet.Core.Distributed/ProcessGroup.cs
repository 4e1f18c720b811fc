using System.Diagnostics.CodeAnalysis;
using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Mpi;
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
/// for it.
/// </para>
/// </remarks>
public sealed class ProcessGroup : IDisposable
{
    private static readonly TimeSpan defaultTimeout = TimeSpan.FromMinutes(10);

    // MPI_Abort takes a moment where it works, and for ever where it does not.
    private static readonly TimeSpan abortPatience = TimeSpan.FromSeconds(3);

    private static ProcessGroup? current;
    private static bool mpiWasUsed;

    private readonly CommunicationThread? _thread;
    private readonly UnexpectedEnd? _unexpectedEnd;
    private MpiApi? _mpi;
    private MpiBackend? _tensors;
    private int _processors;
    private bool _isDisposed;

    /// <summary>The group of one.</summary>
    private ProcessGroup() => (WorldSize, LocalWorldSize) = (1, 1);

    private ProcessGroup(Launcher launcher, TimeSpan timeout)
    {
        (Rank, WorldSize) = (launcher.Rank, launcher.WorldSize);
        _thread = new CommunicationThread(timeout, AbortMpi);
        // From here on, since a rank that cannot connect must not leave the others waiting either.
        _unexpectedEnd = new UnexpectedEnd(Name, Abort);
        _thread.Start(() => Connect(launcher));
        if (_processors > 0 && Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null or "")
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

    private string Name => $"rank {Rank} of {WorldSize}";

    /// <summary>
    /// Joins the group that the launcher has started. Unless <c>OMP_NUM_THREADS</c> says how many threads libtorch computes with, each rank
    /// gets its share of the machine's processors.
    /// </summary>
    /// <param name="timeout">How long an operation may take, from its beginning to its end on this rank; by default ten minutes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not positive.</exception>
    /// <exception cref="InvalidOperationException">This process is in a group already, or was in one that MPI connected: MPI starts once in a process.</exception>
    /// <exception cref="DllNotFoundException">There is a launcher, and no MPI library.</exception>
    /// <exception cref="DistributedException">The library is not the launcher's, or MPI reported an error.</exception>
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
            throw new InvalidOperationException("this process was in a group before: MPI starts only once in a process");
        mpiWasUsed = true;
        return current = new ProcessGroup(launcher, timeout ?? defaultTimeout);
    }

    /// <summary>Replaces each element of <paramref name="tensor"/> by what <paramref name="op"/> makes of the ranks' elements. Every rank gets the same bits.</summary>
    /// <param name="tensor">
    /// The same shape and type on every rank: a floating-point number or an integer. Numbers of 16 bits are reduced in 32 and rounded once.
    /// Its memory is written to; autograd does not see it.
    /// </param>
    /// <param name="op">How.</param>
    /// <exception cref="ArgumentException">The tensor has a type that cannot be reduced.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void AllReduce(Tensor tensor, ReduceOp op = ReduceOp.Sum)
    {
        Expect(tensor);
        if (!Enum.IsDefined(op))
            throw new ArgumentOutOfRangeException(nameof(op), op, "expected Sum, Product, Min or Max");
        var carried = CarriedType(tensor.dtype);
        if (_thread is null)
            return;
        Carry(tensor, carried, staged => _thread.Post($"AllReduce of {Describe(staged)}, {op}", () => _tensors!.AllReduce(staged, op)));
    }

    /// <summary>Replaces <paramref name="tensor"/> by that of rank <paramref name="src"/>, bit by bit.</summary>
    /// <param name="tensor">The same shape and type on every rank. Its memory is written to; autograd does not see it.</param>
    /// <param name="src">The rank whose elements all get.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no rank <paramref name="src"/>.</exception>
    /// <exception cref="DistributedException">The ranks' tensors or operations differ, or a rank has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void Broadcast(Tensor tensor, int src = 0)
    {
        Expect(tensor);
        if (src < 0 || src >= WorldSize)
            throw new ArgumentOutOfRangeException(nameof(src), src, $"expected a rank from 0 to {WorldSize - 1}");
        if (_thread is null)
            return;
        Carry(tensor, tensor.dtype, staged => _thread.Post($"Broadcast of {Describe(staged)} from rank {src}", () => _tensors!.Broadcast(staged, src)));
    }

    /// <summary>Waits until every rank has come here.</summary>
    /// <exception cref="DistributedException">A rank is in another operation, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void Barrier()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _thread?.Post("Barrier", () => _tensors!.Barrier()).Wait();
    }

    /// <summary>
    /// Ends every rank at once, this one included: for a program that has caught an error and cannot go on. Does not return.
    /// </summary>
    /// <param name="exitCode">Of this process and, where it passes it on, of the launcher: 1 to 255.</param>
    [DoesNotReturn]
    public void Abort(int exitCode = 1)
    {
        if (_thread is null)
            Environment.Exit(exitCode);
        else
        {
            Console.Out.Flush();
            Console.Error.Flush();
            // A thread of its own, since MPI_Abort may wait for what never comes, on the very thread that calls this.
            new Thread(() =>
            {
                Thread.Sleep(abortPatience);
                UnexpectedEnd.EndProcess(exitCode);
            })
            { IsBackground = true }.Start();
            _thread.Abort(exitCode, abortPatience);
            UnexpectedEnd.EndProcess(exitCode);
        }
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

    /// <summary>Where a tensor of <paramref name="device"/> is reduced: MPI does it in main memory.</summary>
    internal Device CarryingDevice(Device device) => WorldSize == 1 ? device : CPU;

    /// <summary>Begins to sum <paramref name="tensor"/> over the ranks.</summary>
    /// <param name="tensor">Contiguous and of a type that MPI reduces. It must live until the operation has ended.</param>
    /// <param name="name">What the tensor is.</param>
    internal Operation BeginSum(Tensor tensor, string name)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _thread!.Post($"AllReduce of {name}, {Describe(tensor)}", () => _tensors!.AllReduce(tensor, ReduceOp.Sum));
    }

    /// <summary>The type in which elements of <paramref name="type"/> are reduced.</summary>
    /// <exception cref="ArgumentException">They cannot be.</exception>
    internal static ScalarType CarriedType(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32
        : MpiBackend.Reduces(type) ? type
        : throw new ArgumentException($"expected a tensor of floating-point numbers or integers, got {type}", nameof(type));

    private static string Describe(Tensor tensor) => $"{tensor.numel()} {tensor.dtype}";

    /// <summary>Lets an operation work on <paramref name="tensor"/>, or on a copy where it lies, or is written, otherwise than MPI takes it.</summary>
    private static void Carry(Tensor tensor, ScalarType type, Func<Tensor, Operation> begin)
    {
        if (tensor.is_contiguous() && tensor.dtype == type && tensor.device_type == TorchSharp.DeviceType.CPU)
        {
            begin(tensor).Wait();
            return;
        }
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var staged = tensor.detach().to(type, CPU).contiguous();
        begin(staged).Wait();
        tensor.detach().copy_(staged);
    }

    private void Expect(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ObjectDisposedException.ThrowIf(tensor.IsInvalid, tensor);
        if (tensor.is_sparse || tensor.is_meta)
            throw new ArgumentException("expected a dense tensor with elements in memory", nameof(tensor));
    }

    /// <summary>Called on the communication thread.</summary>
    private RollCall Connect(Launcher launcher)
    {
        var mpi = new MpiApi(MpiLibrary.Load(launcher, Environment.GetEnvironmentVariable));
        if (mpi.IsInitialized())
            throw new DistributedException("expected to initialize MPI, which other code of this process has done already");
        mpi.Init();
        _mpi = mpi;
        var world = mpi.Abi.CommWorld;
        if (mpi.Size(world) is var size && size != launcher.WorldSize)
            throw new DistributedException(
                $"{launcher.Name} has started {launcher.WorldSize} processes, of which the MPI library knows {size}: expected the launcher's own library, got {mpi.Version}");
        Rank = mpi.Rank(world);

        var machine = mpi.SplitShared(world);
        (LocalRank, LocalWorldSize) = (mpi.Rank(machine), mpi.Size(machine));
        _processors = ProcessorShare.Find(mpi, machine, LocalWorldSize);
        mpi.Free(machine);

        _tensors = new MpiBackend(mpi, mpi.Duplicate(world));
        return new RollCall(mpi, mpi.Duplicate(world), Rank, WorldSize);
    }

    private void AbortMpi(int exitCode) => _mpi?.Abort(exitCode);

    private void Leave(CommunicationThread thread)
    {
        try
        {
            if (thread.Failure is { } failure)
                throw new DistributedException($"{failure.Message}; every rank ends", failure);
            thread.Leave(() => _mpi!.FinalizeMpi());
        }
        catch (Exception e) when (e is DistributedException or TimeoutException)
        {
            // MPI cannot be ended in good order any more, and the others must not wait.
            Console.Error.WriteLine(e.Message);
            Abort();
        }
        _unexpectedEnd!.Dispose();
    }
}
