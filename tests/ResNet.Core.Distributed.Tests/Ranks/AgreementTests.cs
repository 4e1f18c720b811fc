using System.Collections.Concurrent;

namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class AgreementTests
{
    private static readonly ConcurrentDictionary<(MpiKind, int), Lazy<RankResult>> runs = [];

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 3), Under(MpiKind.OpenMpi, 4), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 3), Under(MpiKind.Mpich, 4)]
    public void Ranks_agree_to_the_bit_and_overlap_changes_none(MpiKind mpi, int ranks)
    {
        var result = RunOnce(mpi, ranks);

        Assert.All(["first-weights", "first-buffers", "buffers", "gradients", "weights"], value =>
            Assert.Equal(result.Common(value), result.Common($"{value}-without-overlap")));
        Assert.NotEqual(result.Common("first-weights"), result.Common("weights"));
        Assert.Equal(5, result.Common("buffers").Split(',').Distinct().Count());
    }

    /// <summary>The scenario on one host, which others compare with.</summary>
    internal static RankResult RunOnce(MpiKind mpi, int ranks) => runs.GetOrAdd((mpi, ranks), _ => new(() => RankProgram.Run(mpi, ranks, "agreement"))).Value;
}
