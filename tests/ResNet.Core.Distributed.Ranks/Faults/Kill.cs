namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 gets SIGKILL, after which nothing of it runs.</summary>
internal static class Kill
{
    public static int Run()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            System.Diagnostics.Process.GetCurrentProcess().Kill();
        return Others.Work(group);
    }
}
