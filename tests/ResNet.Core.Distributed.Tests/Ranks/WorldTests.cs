namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class WorldTests
{
    [RankTheory, Under(MpiKind.OpenMpi, 1), Under(MpiKind.OpenMpi, 3), Under(MpiKind.Mpich, 1), Under(MpiKind.Mpich, 3)]
    public void Each_rank_knows_its_place_in_the_group(MpiKind mpi, int ranks)
    {
        var result = RankProgram.Run(mpi, ranks, "init");

        Assert.Equal($"{ranks}", result.GetCommonValue("world"));
        Assert.Equal(Enumerable.Range(0, ranks).Select(rank => $"{rank}/{ranks}"), result.GetValues("local"));
        var sum = ranks * (ranks - 1) / 2;
        Assert.Equal($"{sum},{sum + ranks},{sum + 2 * ranks}", result.GetCommonValue("sum"));
    }

    [RankTheory, Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 3), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 3)]
    public void Collectives_handle_each_type_and_layout(MpiKind mpi, int ranks) =>
        Assert.Equal("nothing", RankProgram.Run(mpi, ranks, "collectives").GetCommonValue("wrong"));

    [Fact]
    public void A_program_without_a_launcher_is_one_rank()
    {
        var result = RankProgram.RunAlone("init");

        Assert.Equal("1", result.GetCommonValue("world"));
        Assert.Equal("0,1,2", result.GetCommonValue("sum"));
    }

    [RankTheory, Trait(Category.Name, Category.Slow), UnderWithOtherLibrary(MpiKind.OpenMpi), UnderWithOtherLibrary(MpiKind.Mpich)]
    public void A_library_that_does_not_match_the_launcher_is_an_error(MpiKind mpi)
    {
        using var program = RankProgram.Start(mpi, 2, ["init"], ("RESNET_MPI_LIBRARY", UnderWithOtherLibraryAttribute.FindOtherLibrary(mpi)!));
        var result = program.AssertFailsToJoin();

        Assert.DoesNotContain("@ ", result.Output, StringComparison.Ordinal);
        result.AssertContains("has started 2 processes, but the MPI library sees 1");
    }
}
