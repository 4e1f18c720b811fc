namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 has an exception that nobody catches.</summary>
internal static class Throw
{
    public static int Run()
    {
        using var group = Others.Join();
        return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Work(group);
    }

    /// <summary>On another thread than the one that trains.</summary>
    public static int RunOnThread()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            new Thread(() => throw new FormatException("the fault of rank 1")).Start();
        return Others.Work(group);
    }
}
