namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>No rank fails by itself. The tests send a signal once all ranks have joined.</summary>
internal static class Wait
{
    public static int Run()
    {
        using var group = Others.Join();
        Report.Write(group, "joined", true);
        return Others.Train(group);
    }
}
