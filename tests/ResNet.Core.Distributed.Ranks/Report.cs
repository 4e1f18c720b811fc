namespace ResNet.Core.Distributed.Ranks;

/// <summary>What a rank tells the tests: lines of <c>@ rank name value</c>, each written at once, since those of all ranks come out of one stream.</summary>
internal static class Report
{
    public static void Value(ProcessGroup group, string name, object value) => Console.Out.Write($"@ {group.Rank} {name} {value}\n");

    /// <summary>Launchers name a killed process by its number.</summary>
    public static void Process(ProcessGroup group) => Value(group, "pid", Environment.ProcessId);
}
