using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>
/// The block is torchvision's. One alone has PyTorch's default initialisation in either library; torchvision is given its shortcut from
/// outside, and make_family_fixtures.py draws that last, as <see cref="Bottleneck"/> does.
/// </summary>
public class BottleneckTests(ITestOutputHelper log)
{
    private static readonly Case[] fixture = Fixture.Read<Case[]>("bottleneck");

    private sealed record Case(
        long Seed, long InChannels, long Planes, long Stride, long Groups, long BaseWidth, long InputSeed, long[] InputShape, Listing Tensors, string Dtype,
        double[] Train, double[][] Statistics, double[][] Gradients, double[] InputGradient, double[] Eval);

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, fixture.Length)];

    /// <summary>Measured, relative to the larger of a tensor's two numbers: at most 5e-12 apart, which is the twelve digits.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void A_new_block_has_torchvisions_tensors_outputs_statistics_and_gradients(int index)
    {
        var expected = fixture[index];
        using var scope = NewDisposeScope();
        manual_seed(expected.Seed);
        using var block = new Bottleneck(expected.InChannels, expected.Planes, expected.Stride, expected.Groups, expected.BaseWidth);
        expected.Tensors.AssertSame(block);

        block.to(Fixture.Dtype(expected.Dtype));
        using var x = Fixture.Input(expected.InputSeed, expected.InputShape, expected.Dtype).requires_grad_();
        var comparison = new Comparison(Fixture.SameRounding ? 1e-11 : 1e-4);
        var y = block.forward(x);
        y.square().sum().backward();

        comparison.AssertClose(expected.Train, Sketch.Of(y), "output in train mode");
        Assert.Equal(expected.Statistics.Length, block.buffers().Count(b => b.is_floating_point()));
        foreach (var (sketch, (name, buffer)) in expected.Statistics.Zip(block.named_buffers().Where(b => b.buffer.is_floating_point())))
            comparison.AssertClose(sketch, Sketch.Of(buffer), name);
        Assert.Equal(expected.Gradients.Length, block.parameters().Count());
        foreach (var (sketch, (name, parameter)) in expected.Gradients.Zip(block.named_parameters()))
            comparison.AssertClose(sketch, Sketch.Of(parameter.grad!), $"gradient of {name}");
        comparison.AssertClose(expected.InputGradient, Sketch.Of(x.grad!), "gradient of the input");
        block.eval();
        comparison.AssertClose(expected.Eval, Sketch.Of(block.forward(x)), "output in eval mode");
        log.WriteLine($"{expected.Dtype}: at most {comparison.Largest:e1} apart");
    }
}
