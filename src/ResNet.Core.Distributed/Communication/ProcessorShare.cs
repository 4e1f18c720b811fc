using System.Runtime.InteropServices;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Computes a rank's share of the machine's processors. Launchers either bind ranks to processors, or let every rank use all of them.</summary>
internal static unsafe partial class ProcessorShare
{
    private const int MaxProcessors = 1024; // the size of cpu_set_t

    /// <param name="mpi">The MPI functions.</param>
    /// <param name="machine">The communicator of the machine's ranks.</param>
    /// <param name="localWorldSize">The number of the machine's ranks.</param>
    /// <returns>The number of processors, at least 1.</returns>
    public static int Find(MpiApi mpi, nint machine, int localWorldSize)
    {
        if (FindOwn() is not { } own)
            return Math.Max(1, Environment.ProcessorCount / localWorldSize);
        var ranks = (int[])own.Clone();
        fixed (int* counts = ranks)
        {
            var request = mpi.IAllReduce(counts, ranks.Length, mpi.Abi.Int32, mpi.Abi.Sum, machine);
            while (!mpi.Test(ref request))
                Pause.SleepBriefly();
        }
        return Compute(own, ranks, Environment.ProcessorCount, localWorldSize);
    }

    /// <param name="own">For each processor, 1 if this rank may run on it.</param>
    /// <param name="ranks">For each processor, the number of the machine's ranks that may run on it.</param>
    /// <param name="limit">The number of processors that all ranks together may use, for example in a container.</param>
    /// <param name="localWorldSize">The number of the machine's ranks.</param>
    /// <returns>The number of processors, at least 1.</returns>
    public static int Compute(ReadOnlySpan<int> own, ReadOnlySpan<int> ranks, int limit, int localWorldSize)
    {
        var (share, count) = (0.0, 0);
        for (var i = 0; i < own.Length; i++)
            if (own[i] != 0)
            {
                share += 1.0 / ranks[i];
                count++;
            }
        if (limit < count)
            share = Math.Min(share, (double)limit / localWorldSize);
        return Math.Max(1, (int)(share + 1e-9)); // so that three thirds make one
    }

    /// <returns>For each processor, 1 if this thread may run on it; null if the system does not tell.</returns>
    private static int[]? FindOwn()
    {
        var mask = stackalloc ulong[MaxProcessors / 64];
        if (!OperatingSystem.IsLinux() || sched_getaffinity(0, MaxProcessors / 8, mask) < 0)
            return null;
        var own = new int[MaxProcessors];
        for (var i = 0; i < MaxProcessors; i++)
            own[i] = (int)(mask[i / 64] >> (i % 64)) & 1;
        return own;
    }

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int pid, nuint bytes, ulong* mask);
}
