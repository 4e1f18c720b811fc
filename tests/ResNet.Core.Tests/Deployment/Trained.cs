using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Networks as training leaves them, without the training.</summary>
internal static class Trained
{
    /// <summary>
    /// With running statistics of pictures that went through, and scales and biases of normalisations that differ from
    /// channel to channel: a fresh network's, 1 and 0, would hide a wrong folding. In training mode.
    /// </summary>
    public static ResNet18 ResNet18(long classes = 10, Stem stem = Stem.Conv7, Device? device = null, ScalarType dtype = ScalarType.Float32)
    {
        manual_seed(1);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = new ResNet18(classes, stem, dtype: dtype);
        foreach (var (name, parameter) in model.named_parameters().Where(entry => entry.parameter.dim() == 1))
            parameter.add_(0.3 * rand_like(parameter) - 0.1);
        for (var i = 0; i < 5; i++)
            model.forward(randn([4, 3, 48, 48], dtype) + 0.5);
        return model.to(device ?? CPU);
    }

    /// <summary>How far apart two tensors are at most, relative to the largest value of the first.</summary>
    public static double Apart(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        return ((expected - actual).abs().max() / expected.abs().max()).to(ScalarType.Float64).item<double>();
    }
}
