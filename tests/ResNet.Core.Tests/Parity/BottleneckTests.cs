using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>
/// Compares the block with torchvision's. Outside a network, both have PyTorch's default initialization. torchvision takes the shortcut as an
/// argument; make_family_fixtures.py draws it last, as <see cref="Bottleneck"/> does.
/// </summary>
public class BottleneckTests(ITestOutputHelper log)
{
    private static readonly Case[] fixture = Fixture.Read<Case[]>("bottleneck");

    private sealed record Case(
        long Seed, long InChannels, long Planes, long Stride, long Groups, long BaseWidth, long InputSeed, long[] InputShape, Listing Tensors, string Dtype,
        double[] Train, double[][] Statistics, double[][] Gradients, double[] InputGradient, double[] Eval);

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, fixture.Length)];

    /// <summary>Measured: at most 5e-12 apart, relative to the larger of a tensor's two numbers. The fixture has only twelve digits.</summary>
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
        using var x = Fixture.CreateInput(expected.InputSeed, expected.InputShape, expected.Dtype).requires_grad_();
        var comparison = new Comparison(Fixture.SameRounding ? 1e-11 : 1e-4);
        var y = block.forward(x);
        y.square().sum().backward();

        comparison.AssertClose(expected.Train, Sketch.Compute(y), "output in train mode");
        Assert.Equal(expected.Statistics.Length, block.buffers().Count(b => b.is_floating_point()));
        foreach (var (sketch, (name, buffer)) in expected.Statistics.Zip(block.named_buffers().Where(b => b.buffer.is_floating_point())))
            comparison.AssertClose(sketch, Sketch.Compute(buffer), name);
        Assert.Equal(expected.Gradients.Length, block.parameters().Count());
        foreach (var (sketch, (name, parameter)) in expected.Gradients.Zip(block.named_parameters()))
            comparison.AssertClose(sketch, Sketch.Compute(parameter.grad!), $"gradient of {name}");
        comparison.AssertClose(expected.InputGradient, Sketch.Compute(x.grad!), "gradient of the input");
        block.eval();
        comparison.AssertClose(expected.Eval, Sketch.Compute(block.forward(x)), "output in eval mode");
        log.WriteLine($"{expected.Dtype}: at most {comparison.Largest:e1} apart");
    }
}
