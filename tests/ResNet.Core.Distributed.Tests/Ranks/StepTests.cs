using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class StepTests
{
    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
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

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Loops_that_leave_something_out_are_told_so_or_right(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "loops");

        Assert.Contains("synchronize", result.Common("second-forward"), StringComparison.Ordinal);
        Assert.Equal("none", result.Common("third-forward"));
        result.Common("after-evaluation");

        Assert.All(result.OfAll("empty-share"), difference => Assert.InRange(double.Parse(difference, CultureInfo.InvariantCulture), 0, 1e-6));
        result.Common("empty-share-bits");
        Assert.Equal("1,1,1,1", result.Common("replaced-buffer"));
    }
}
