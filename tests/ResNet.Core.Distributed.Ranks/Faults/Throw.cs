namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 has an exception that nobody catches.</summary>
internal static class Throw
{
    public static int Run()
    {
        using var group = Others.Join();
        return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Work(group);
    }

    /// <summary>Where the group is disposed before anybody learns of the exception: in an async method, which keeps it for the caller.</summary>
    public static async Task<int> RunAsync()
    {
        using var group = Others.Join();
        await Task.Yield();
        return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Work(group);
    }

    /// <summary>The same by a catch around it all, which has a word for nobody.</summary>
    public static int RunAndCatch()
    {
        try
        {
            return Run();
        }
        catch (FormatException)
        {
            return 1;
        }
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
