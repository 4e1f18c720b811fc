using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 calls a different operation than the others. MPI itself would not notice, or would wait forever.</summary>
internal static class Different
{
    public static int RunOtherSize()
    {
        using var group = Others.Join();
        group.AllReduce(zeros(group.Rank == 1 ? 100_000 : 10));
        Report.Write(group, "accepted", true);
        return 0;
    }

    /// <summary>The same number of elements, which MPI would silently add up.</summary>
    public static int RunOtherShape()
    {
        using var group = Others.Join();
        group.AllReduce(group.Rank == 1 ? zeros(2, 3) : zeros(3, 2));
        Report.Write(group, "accepted", true);
        return 0;
    }

    public static int RunOtherOperation()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            group.Barrier();
        else
            group.AllReduce(zeros(10));
        Report.Write(group, "accepted", true);
        return 0;
    }
}
