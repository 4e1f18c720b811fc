using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 does something else than the others, which MPI itself would not notice or wait for.</summary>
internal static class Different
{
    public static int Size()
    {
        using var group = Others.Join();
        group.AllReduce(zeros(group.Rank == 1 ? 100_000 : 10));
        Report.Value(group, "accepted", true);
        return 0;
    }

    /// <summary>As many numbers, which MPI would add up without a word.</summary>
    public static int Shape()
    {
        using var group = Others.Join();
        group.AllReduce(group.Rank == 1 ? zeros(2, 3) : zeros(3, 2));
        Report.Value(group, "accepted", true);
        return 0;
    }

    public static int Operation()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            group.Barrier();
        else
            group.AllReduce(zeros(10));
        Report.Value(group, "accepted", true);
        return 0;
    }
}
