using ResNet.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The optimizer that changes all parameters in one pass does what TorchSharp's does.</summary>
public sealed class FusedSgdTests
{
    [Theory]
    [InlineData(memory_format.contiguous_format)]
    [InlineData(memory_format.channels_last)]
    public void Its_steps_are_those_of_TorchSharps_optimizer(memory_format format)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var plain = new ResNet18(3).ToMemoryFormat(format);
        manual_seed(1);
        var fused = new ResNet18(3).ToMemoryFormat(format);
        using var reference = new SGD(Groups(plain), 0.1, momentum: 0.9, nesterov: true);
        using var optimizer = new FusedSgd(Groups(fused), 0.1, momentum: 0.9);

        for (var step = 1; step <= 4; step++)
        {
            // The same gradients, or two networks would go different ways; a rate that changes, as in a training.
            foreach (var (mine, theirs) in fused.parameters().Zip(plain.parameters()))
                (mine.grad, theirs.grad) = (randn_like(mine), null);
            foreach (var (mine, theirs) in fused.parameters().Zip(plain.parameters()))
                theirs.grad = mine.grad!.clone();
            foreach (var group in reference.ParamGroups.Concat(optimizer.ParamGroups))
                group.LearningRate = 0.1 / step;
            reference.step();
            optimizer.step();

            foreach (var (mine, theirs) in fused.named_parameters().Zip(plain.parameters()))
                Assert.True(mine.parameter.allclose(theirs, rtol: 1e-5, atol: 1e-6), $"step {step}: {mine.name}");
        }
        Assert.NotEqual(0, Network.Distance(fused.parameters(), new ResNet18(3).parameters()));
    }

    private static SGD.ParamGroup[] Groups(ResNet18 model)
    {
        var parameters = model.parameters().ToLookup(parameter => parameter.dim() > 1);
        return [new(parameters[true].ToList(), 0.1, momentum: 0.9, weight_decay: 0.1, nesterov: true), new(parameters[false].ToList(), 0.1, momentum: 0.9, nesterov: true)];
    }
}
