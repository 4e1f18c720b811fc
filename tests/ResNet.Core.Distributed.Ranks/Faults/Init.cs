using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Joins and reports the group.</summary>
internal static class Init
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Report.Write(group, "world", group.WorldSize);
        Report.Write(group, "local", $"{group.LocalRank}/{group.LocalWorldSize}");
        var ranks = arange(group.Rank, group.Rank + 3, dtype: ScalarType.Float64);
        group.AllReduce(ranks);
        Report.Write(group, "sum", string.Join(',', ranks.data<double>()));
        return 0;
    }
}
