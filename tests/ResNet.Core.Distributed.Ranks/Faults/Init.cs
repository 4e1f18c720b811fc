using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Joins and says who is there.</summary>
internal static class Init
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Report.Value(group, "world", group.WorldSize);
        Report.Value(group, "local", $"{group.LocalRank}/{group.LocalWorldSize}");
        var ranks = arange(group.Rank, group.Rank + 3, dtype: ScalarType.Float64);
        group.AllReduce(ranks);
        Report.Value(group, "sum", string.Join(',', ranks.data<double>()));
        return 0;
    }
}
