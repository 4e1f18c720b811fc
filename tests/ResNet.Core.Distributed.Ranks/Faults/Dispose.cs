namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 leaves in good order, and the others wait for it.</summary>
internal static class Dispose
{
    public static int Early()
    {
        using var group = Others.Join();
        return group.Rank == 1 ? 0 : Others.Work(group);
    }

    /// <summary>And they wait for nothing, so that only rank 1 can find out.</summary>
    public static int Alone()
    {
        using var group = Others.Join(Hang.Deadline);
        if (group.Rank != 1)
            Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    /// <summary>As a program does that turns its errors into a code.</summary>
    public static int WithCode()
    {
        using var group = Others.Join();
        try
        {
            return group.Rank == 1 ? throw new FormatException("the fault of rank 1") : Others.Work(group);
        }
        catch (FormatException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 3;
        }
    }
}
