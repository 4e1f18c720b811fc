namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 ends as if all was well, but does not dispose of its group.</summary>
internal static class Leave
{
    public static int RunExit(int code)
    {
        var group = Others.Join();
        if (group.Rank == 1)
            Environment.Exit(code);
        return Others.Train(group);
    }

    public static int RunReturn()
    {
        var group = Others.Join();
        return group.Rank == 1 ? 0 : Others.Train(group);
    }

    /// <summary>Every rank does so. No rank waits for another, so MPICH alone would report success.</summary>
    public static int RunReturnOnAllRanks()
    {
        Others.Join();
        return 0;
    }
}
