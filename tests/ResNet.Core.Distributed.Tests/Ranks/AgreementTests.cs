using System.Collections.Concurrent;

namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class AgreementTests
{
    private static readonly ConcurrentDictionary<(MpiKind, int), Lazy<RankResult>> runs = [];

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 3), Under(MpiKind.OpenMpi, 4), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 3), Under(MpiKind.Mpich, 4)]
    public void Ranks_agree_bit_for_bit_with_and_without_overlap(MpiKind mpi, int ranks)
    {
        var result = RunOnce(mpi, ranks);

        Assert.All(["first-weights", "first-buffers", "buffers", "gradients", "weights"], value =>
            Assert.Equal(result.GetCommonValue(value), result.GetCommonValue($"{value}-without-overlap")));
        Assert.NotEqual(result.GetCommonValue("first-weights"), result.GetCommonValue("weights"));
        Assert.Equal(5, result.GetCommonValue("buffers").Split(',').Distinct().Count());
    }

    /// <summary>Runs the scenario on one host, once per MPI and number of ranks. Other tests compare with it.</summary>
    internal static RankResult RunOnce(MpiKind mpi, int ranks) => runs.GetOrAdd((mpi, ranks), _ => new(() => RankProgram.Run(mpi, ranks, "agreement"))).Value;
}
