using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class StepTests
{
    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Clipping_and_loss_scaling_agree_on_every_rank(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "steps");

        for (var rank = 0; rank < 2; rank++)
        {
            Assert.InRange(result.GetNumber(rank, "norm"), 0, 1e-14);
            Assert.InRange(result.GetNumber(rank, "clipped"), 0, 1e-14);
        }
        _ = result.GetCommonValue("clipped-bits"); // asserts that the ranks agree

        // An infinity on one rank makes every rank skip the step and halve the scale.
        Assert.Equal(["1024", "512", "512"], Enumerable.Range(0, 3).Select(step => result.GetCommonValue($"scale-{step}")));
        Assert.Equal(result.GetCommonValue("weights-0"), result.GetCommonValue("weights-1"));
        Assert.NotEqual(result.GetCommonValue("weights-1"), result.GetCommonValue("weights-2"));
    }

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Unusual_training_loops_are_refused_or_correct(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "loops");

        Assert.Contains("synchronize", result.GetCommonValue("second-forward"), StringComparison.Ordinal);
        Assert.Equal("none", result.GetCommonValue("third-forward"));
        _ = result.GetCommonValue("after-evaluation");

        Assert.All(result.GetValues("empty-share"), difference => Assert.InRange(double.Parse(difference, CultureInfo.InvariantCulture), 0, 1e-6));
        _ = result.GetCommonValue("empty-share-bits");
        Assert.Equal("1,1,1,1", result.GetCommonValue("replaced-buffer"));
    }
}
