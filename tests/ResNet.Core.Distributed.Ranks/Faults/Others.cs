using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>The ranks that do not fail: they communicate forever, as if they trained.</summary>
internal static class Others
{
    public static int Train(ProcessGroup group)
    {
        var numbers = ones(1000);
        while (true)
            group.AllReduce(numbers);
    }

    /// <summary>Joins, reports the process id, and waits until all ranks have done so.</summary>
    public static ProcessGroup Join(TimeSpan? timeout = null)
    {
        var group = ProcessGroup.Init(timeout);
        Report.WriteProcessId(group);
        group.Barrier();
        return group;
    }
}
