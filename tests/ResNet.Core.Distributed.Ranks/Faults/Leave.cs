namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 ends as if all was well, and does not dispose its group.</summary>
internal static class Leave
{
    public static int ByExit(int code)
    {
        var group = Others.Join();
        if (group.Rank == 1)
            Environment.Exit(code);
        return Others.Work(group);
    }

    public static int ByReturn()
    {
        var group = Others.Join();
        return group.Rank == 1 ? 0 : Others.Work(group);
    }

    /// <summary>Every rank does: MPICH alone would end with 0, as nobody waits for anybody.</summary>
    public static int All()
    {
        Others.Join();
        return 0;
    }
}
