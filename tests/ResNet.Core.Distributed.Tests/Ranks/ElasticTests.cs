namespace ResNet.Core.Distributed.Tests.Ranks;

[Trait(Category.Name, Category.Slow)]
public sealed class ElasticTests
{
    [Theory, Under(MpiKind.OpenMpi, 4, 2), Under(MpiKind.OpenMpi, 2, 4), Under(MpiKind.Mpich, 4, 2), Under(MpiKind.Mpich, 2, 4)]
    public void A_training_resumes_with_fewer_or_more_ranks_after_one_was_killed(MpiKind mpi, int before, int after)
    {
        using var uninterrupted = new TempFolder();
        using var folder = new TempFolder();
        var reference = uninterrupted["trained.safetensors"];

        Assert.Equal("0", RankProgram.Run(mpi, before, "elastic", uninterrupted.Path, "-1", "").GetCommonValue("begins-at"));
        RankProgram.RunExpectingFailure(mpi, before, "elastic", folder.Path, "1", reference);
        Assert.False(File.Exists(folder["trained.safetensors"]));
        var result = RankProgram.Run(mpi, after, "elastic", folder.Path, "-1", reference);

        Assert.Equal("6", result.GetCommonValue("begins-at"));
        Assert.Equal("12", result.GetCommonValue("ends-at"));
        Assert.InRange(result.GetNumber(0, "difference"), 0, 1e-12);
    }
}
