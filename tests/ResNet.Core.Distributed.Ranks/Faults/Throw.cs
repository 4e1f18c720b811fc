namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 throws an exception.</summary>
internal static class Throw
{
    public static int Run()
    {
        using var group = Others.Join();
        return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Train(group);
    }

    /// <summary>In an async method, which stores the exception for its caller and disposes of the group first.</summary>
    public static async Task<int> RunAsync()
    {
        using var group = Others.Join();
        await Task.Yield();
        return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Train(group);
    }

    /// <summary>Outside the group's using, the program catches the exception and prints nothing.</summary>
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

    /// <summary>On a thread other than the one that trains.</summary>
    public static int RunOnThread()
    {
        using var group = Others.Join();
        if (group.Rank == 1)
            new Thread(() => throw new FormatException("the fault of rank 1")).Start();
        return Others.Train(group);
    }
}
