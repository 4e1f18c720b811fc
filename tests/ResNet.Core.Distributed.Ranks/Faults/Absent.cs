namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 ends before it joins, and the others wait for it to come.</summary>
internal static class Absent
{
    public static int Run()
    {
        if ((Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? Environment.GetEnvironmentVariable("PMI_RANK")) == "1")
            return 0;
        using var group = ProcessGroup.Init(Hang.Deadline);
        Report.Value(group, "accepted", true);
        return 0;
    }
}
