namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>
/// Ten steps of SGD with momentum on a ResNet-18. The weights and buffers are compared; the difference of each tensor is relative to its
/// largest value. Measured with 2 and 4 ranks: 0 and 4e-14 from the emulation, 2e-14 and 8e-14 from PyTorch 1.13, 2e-16 from whole batches.
/// </summary>
[Trait(Category.Name, Category.Slow)]
public sealed class ParityTests(References references) : IClassFixture<References>
{
    private const double Tolerance = 1e-12;

    [Theory, Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 4), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 4)]
    public void Ten_steps_match_an_emulation_in_one_process(MpiKind mpi, int ranks)
    {
        var result = references.Compare(mpi, ranks);

        Assert.InRange(result.GetNumber(0, "emulation-Float64"), 0, Tolerance);
        Assert.True(result.GetNumber(0, "learned-Float64") > 0.01, result.Explanation);
    }

    [Theory, UnderWithPyTorch(MpiKind.OpenMpi, 2), UnderWithPyTorch(MpiKind.OpenMpi, 4), UnderWithPyTorch(MpiKind.Mpich, 2), UnderWithPyTorch(MpiKind.Mpich, 4)]
    public void Ten_steps_match_PyTorchs_DistributedDataParallel(MpiKind mpi, int ranks) =>
        Assert.InRange(references.Compare(mpi, ranks).GetNumber(0, "gloo"), 0, Tolerance);

    [Theory, Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 4), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 4)]
    public void Without_batch_norm_training_on_shares_matches_training_on_whole_batches(MpiKind mpi, int ranks)
    {
        var result = references.Compare(mpi, ranks);

        for (var rank = 0; rank < ranks; rank++)
            Assert.InRange(result.GetNumber(rank, "whole-batch"), 0, Tolerance);
    }

    [Theory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void In_float32_two_ranks_match_the_emulation_bit_for_bit(MpiKind mpi)
    {
        var result = references.Compare(mpi, 2);

        Assert.Equal("0", result.GetValue(0, "emulation-Float32-differing"));
        Assert.True(result.GetNumber(0, "learned-Float32") > 0.01, result.Explanation);
    }
}
