using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>What ranks do while one of them fails: they train, and never end by themselves.</summary>
internal static class Others
{
    public static int Work(ProcessGroup group)
    {
        var numbers = ones(1000);
        while (true)
            group.AllReduce(numbers);
    }

    /// <summary>Joins, says which process it is, and waits until all have said so.</summary>
    public static ProcessGroup Join(TimeSpan? timeout = null)
    {
        var group = ProcessGroup.Init(timeout);
        Report.Process(group);
        group.Barrier();
        return group;
    }
}
