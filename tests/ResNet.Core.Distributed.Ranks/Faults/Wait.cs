namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Nothing goes wrong by itself: the tests send a signal once all ranks have joined.</summary>
internal static class Wait
{
    public static int Run()
    {
        using var group = Others.Join();
        Report.Value(group, "joined", true);
        return Others.Work(group);
    }
}
