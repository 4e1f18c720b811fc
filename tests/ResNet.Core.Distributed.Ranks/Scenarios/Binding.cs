using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Calls every function of the binding, on a single thread that is not the main one, like the library.</summary>
internal static unsafe class Binding
{
    private const int Tag = 7;

    public static int Run()
    {
        var launcher = Launcher.Find(Environment.GetEnvironmentVariable) ?? throw new InvalidOperationException("expected a launcher, got none");
        using var initialized = new ManualResetEventSlim();
        using var faulted = new ManualResetEventSlim();
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var mpi = new MpiApi(MpiLibrary.Load(launcher, Environment.GetEnvironmentVariable));
                Expect(false, mpi.IsInitialized());
                mpi.Init();
                Expect(true, mpi.IsInitialized());
                initialized.Set();
                CallAll(mpi, launcher);
                CatchNullReference();
                faulted.Wait();
                mpi.FinalizeMpi();
                Console.WriteLine($"rank {launcher.Rank} of {launcher.WorldSize} with {mpi.Abi.Name}");
            }
            catch (Exception e)
            {
                failure = e;
                initialized.Set();
            }
        });
        thread.Start();
        initialized.Wait();
        CatchNullReference();
        faulted.Set();
        thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        return 0;
    }

    private static void CallAll(MpiApi mpi, Launcher launcher)
    {
        var (rank, size) = (launcher.Rank, launcher.WorldSize);
        Expect(rank, mpi.GetRank(mpi.Abi.CommWorld));
        Expect(size, mpi.GetSize(mpi.Abi.CommWorld));
        var comm = mpi.Duplicate(mpi.Abi.CommWorld);
        Expect(false, comm == mpi.Abi.CommWorld);
        Expect((rank, size), (mpi.GetRank(comm), mpi.GetSize(comm)));
        var shared = mpi.SplitShared(comm);
        Expect((rank, size), (mpi.GetRank(shared), mpi.GetSize(shared)));

        // More than fits into one message.
        ReduceAll(mpi, comm, mpi.Abi.Float, 300_007, (rank, i) => (float)((rank + i) % 100)); // small, so that sums are exact in any order
        ReduceAll(mpi, shared, mpi.Abi.Double, 5, (rank, i) => rank + i + 0.5);
        // Signed types only: MPICH 4.0 finds the maximum of unsigned integers as if they were signed (pmodels/mpich#6083).
        ReduceAll(mpi, comm, mpi.Abi.Int32, 5, (rank, i) => -100_000 * rank + i);
        ReduceAll(mpi, comm, mpi.Abi.Int64, 5, (rank, i) => -10_000_000_000L * rank + i);

        var bytes = (byte*)NativeMemory.AllocZeroed(3);
        bytes[2] = (byte)(rank == size - 1 ? 200 : 0);
        Complete(mpi, mpi.IBroadcast(bytes, 3, mpi.Abi.Byte, size - 1, comm));
        Expect(200, bytes[2]);
        Complete(mpi, mpi.IBarrier(comm));

        // Each rank sends a message to the next one.
        Expect(false, mpi.IProbe(Tag, comm));
        Complete(mpi, mpi.IBarrier(comm));
        long sent = 1L << 40 | (long)rank, received = -1;
        var request = mpi.ISend(&sent, sizeof(long), (rank + 1) % size, Tag, comm);
        while (!mpi.IProbe(Tag, comm))
            Thread.Yield();
        Expect(false, mpi.IProbe(Tag, shared));
        mpi.Receive(&received, sizeof(long), Tag, comm);
        Expect(1L << 40 | (long)((rank + size - 1) % size), received);
        Complete(mpi, request);

        try
        {
            mpi.IBroadcast(bytes, 3, mpi.Abi.Byte, size + 3, comm);
            throw new InvalidOperationException("a rank that does not exist was accepted");
        }
        catch (MpiException e)
        {
            Expect(true, e.Message.StartsWith("MPI_Ibcast: ", StringComparison.Ordinal) && e.Message.Contains("root", StringComparison.OrdinalIgnoreCase));
        }
        NativeMemory.Free(bytes);
        mpi.Free(shared);
        mpi.Free(comm);
    }

    private static void ReduceAll<T>(MpiApi mpi, nint comm, nint type, int count, Func<int, int, T> value) where T : unmanaged, System.Numerics.INumber<T>
    {
        var (rank, size) = (mpi.GetRank(comm), mpi.GetSize(comm));
        var buffer = (T*)NativeMemory.Alloc((nuint)(count * sizeof(T)));
        foreach (var (op, reduce) in new (nint, Func<T, T, T>)[] { (mpi.Abi.Sum, (a, b) => a + b), (mpi.Abi.Product, (a, b) => a * b), (mpi.Abi.Min, T.Min), (mpi.Abi.Max, T.Max) })
        {
            for (var i = 0; i < count; i++)
                buffer[i] = value(rank, i);
            Complete(mpi, mpi.IAllReduce(buffer, count, type, op, comm));
            for (var i = 0; i < count; i++)
                Expect(Enumerable.Range(0, size).Select(rank => value(rank, i)).Aggregate(reduce), buffer[i]);
        }
        NativeMemory.Free(buffer);
    }

    private static void Complete(MpiApi mpi, nint request)
    {
        while (!mpi.Test(ref request))
            Thread.Yield();
        Expect(mpi.Abi.RequestNull, request);
    }

    // The runtime has no null check here. It turns the processor's SIGSEGV into the exception, unless MPI handles the signal.
    private static void CatchNullReference()
    {
        try
        {
            Expect(0, GetLength(null!));
            throw new InvalidOperationException("null has a length");
        }
        catch (NullReferenceException)
        {
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int GetLength(string text) => text.Length;

    private static void Expect<T>(T expected, T actual, [CallerLineNumber] int line = 0)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new InvalidOperationException($"line {line}: expected {expected}, got {actual}");
    }
}
