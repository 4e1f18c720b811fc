namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 disposes of its group while the others wait for it.</summary>
internal static class Dispose
{
    public static int RunEarly()
    {
        using var group = Others.Join();
        return group.Rank == 1 ? 0 : Others.Train(group);
    }

    /// <summary>The others start no operation, so only rank 1 can notice.</summary>
    public static int RunAlone()
    {
        using var group = Others.Join(Hang.Deadline);
        if (group.Rank != 1)
            Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    /// <summary>Like a program that turns its exceptions into exit codes.</summary>
    public static int RunAndReturnCode()
    {
        using var group = Others.Join();
        try
        {
            return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Train(group);
        }
        catch (FormatException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 3;
        }
    }
}
