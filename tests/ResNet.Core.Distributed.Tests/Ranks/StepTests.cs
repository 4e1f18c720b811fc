namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class StepTests
{
    [Theory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Clipping_and_loss_scaling_do_the_same_on_every_rank(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "steps");

        for (var rank = 0; rank < 2; rank++)
        {
            Assert.InRange(result.NumberOf(rank, "norm"), 0, 1e-14);
            Assert.InRange(result.NumberOf(rank, "clipped"), 0, 1e-14);
        }
        result.Common("clipped-bits");

        // One rank's infinity is every rank's: the step is left out and the scale halved.
        Assert.Equal(["1024", "512", "512"], Enumerable.Range(0, 3).Select(step => result.Common($"scale-{step}")));
        Assert.Equal(result.Common("weights-0"), result.Common("weights-1"));
        Assert.NotEqual(result.Common("weights-1"), result.Common("weights-2"));
    }

    [Theory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_loop_that_forgets_to_synchronize_ends_at_its_second_forward_pass(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "misuse");

        Assert.Contains("synchronize", result.Common("second-forward"), StringComparison.Ordinal);
        Assert.Equal("none", result.Common("third-forward"));
        result.Common("after-evaluation");
    }
}
