using System.Runtime.InteropServices;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>How many of a machine's processors are one rank's. Launchers bind ranks to processors, or let all of them use all.</summary>
internal static unsafe partial class ProcessorShare
{
    private const int LargestCount = 1024; // as many as cpu_set_t has

    /// <param name="mpi">The library.</param>
    /// <param name="machine">A communicator of the machine's ranks.</param>
    /// <param name="localWorldSize">How many these are.</param>
    /// <returns>At least 1.</returns>
    public static int Find(MpiApi mpi, nint machine, int localWorldSize)
    {
        if (FindOwn() is not { } own)
            return Math.Max(1, Environment.ProcessorCount / localWorldSize);
        var ranks = (int[])own.Clone();
        fixed (int* counts = ranks)
        {
            var request = mpi.IAllReduce(counts, ranks.Length, mpi.Abi.Int32, mpi.Abi.Sum, machine);
            while (!mpi.Test(ref request))
                Pause.Briefly();
        }
        return Compute(own, ranks, Environment.ProcessorCount, localWorldSize);
    }

    /// <param name="own">A 1 for each processor that this rank may run on.</param>
    /// <param name="ranks">How many of the machine's ranks may run on each of them.</param>
    /// <param name="limit">Of what the process may use at a time, as a container has it; of all ranks together.</param>
    /// <param name="localWorldSize">The machine's ranks.</param>
    /// <returns>At least 1.</returns>
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
        return Math.Max(1, (int)(share + 1e-9)); // three thirds are one
    }

    /// <returns>A 1 for each processor that this thread may run on; null where the system does not tell.</returns>
    private static int[]? FindOwn()
    {
        var mask = stackalloc ulong[LargestCount / 64];
        if (!OperatingSystem.IsLinux() || sched_getaffinity(0, LargestCount / 8, mask) < 0)
            return null;
        var own = new int[LargestCount];
        for (var i = 0; i < LargestCount; i++)
            own[i] = (int)(mask[i / 64] >> (i % 64)) & 1;
        return own;
    }

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int pid, nuint bytes, ulong* mask);
}
