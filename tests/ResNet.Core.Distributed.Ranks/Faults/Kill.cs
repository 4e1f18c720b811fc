namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 gets SIGKILL, which it cannot handle.</summary>
internal static class Kill
{
    public static int Run()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            System.Diagnostics.Process.GetCurrentProcess().Kill();
        return Others.Train(group);
    }
}
