using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>The network has the same outputs and running statistics as in PyTorch.</summary>
public class OutputTests(ITestOutputHelper log)
{
    private static readonly Case[] fixture = Fixture.Read<Case[]>("outputs");

    private sealed record Case(
        long Seed, long NumClasses, string Stem, long InputSeed, long[] InputShape, string Dtype, string InputSha256,
        double[] Train, Dictionary<string, Digest> Buffers, double[] Eval);

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, fixture.Length)];

    /// <summary>
    /// Two versions of libtorch add the same numbers in another order. Relative to the largest value they were at most 1e-6
    /// apart in float32 and 1e-14 in float64; the tolerances leave a factor of 100 to the kernels that other processors
    /// choose. Where weights may differ in their last bit, no type is better than float32.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_and_running_statistics_match_PyTorch(int index)
    {
        var expected = fixture[index];
        var comparison = new Comparison(expected.Dtype == "float64" && Fixture.SameRounding ? 1e-12 : 1e-4);

        using var scope = NewDisposeScope();
        using var model = Fixture.CreateModel(expected.Seed, expected.NumClasses, expected.Stem, expected.Dtype);
        using var x = Fixture.CreateInput(expected.InputSeed, expected.InputShape, expected.Dtype);
        Assert.Equal(expected.InputSha256, Fixture.ComputeSha256(x));

        using var _ = no_grad();
        comparison.AssertClose(expected.Train, Fixture.ReadValues(model.forward(x)), "output in train mode");
        Assert.Equal(40, expected.Buffers.Count);
        foreach (var (name, digest) in expected.Buffers)
            comparison.AssertClose(digest, model.get_buffer(name)!, name);
        model.eval();
        comparison.AssertClose(expected.Eval, Fixture.ReadValues(model.forward(x)), "output in eval mode");
        log.WriteLine($"{expected.Dtype}, {expected.Stem}: outputs and running statistics at most {comparison.Largest:e1} apart");
    }
}
