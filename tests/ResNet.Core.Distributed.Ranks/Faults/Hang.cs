namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 sleeps while the others wait for it in an operation.</summary>
internal static class Hang
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    public static int Run()
    {
        using var group = Others.Join(Deadline);
        if (group.Rank == 1)
            Thread.Sleep(Timeout.Infinite);
        return Others.Train(group);
    }
}
