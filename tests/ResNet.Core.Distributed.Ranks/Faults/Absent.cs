namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 ends before it joins, and the others wait for it.</summary>
internal static class Absent
{
    // Short, since rank 1 never joins.
    private static readonly TimeSpan deadline = TimeSpan.FromSeconds(1);

    public static int Run()
    {
        if ((Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? Environment.GetEnvironmentVariable("PMI_RANK")) == "1")
            return 0;
        using var group = ProcessGroup.Init(deadline);
        Report.Write(group, "accepted", true);
        return 0;
    }

    /// <summary>The program catches the exception and returns 0, as if all was well.</summary>
    public static int RunAndCatch()
    {
        try
        {
            return Run();
        }
        catch (TimeoutException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 0;
        }
    }
}
