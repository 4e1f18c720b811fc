using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Networks that look as if they were trained, without the time that training takes.</summary>
internal static class Trained
{
    public static ResNet18 CreateResNet18(long classes = 10, Stem stem = Stem.Conv7, Device? device = null, ScalarType dtype = ScalarType.Float32)
    {
        manual_seed(1);
        return Perturb(new ResNet18(classes, stem, dtype: dtype)).to(device ?? CPU);
    }

    /// <summary>
    /// Gives a network running statistics of real forward passes, and batch norms whose scales and biases differ from channel to
    /// channel. The 1 and 0 of a new network would hide wrong folding. The network is in training mode.
    /// </summary>
    public static T Perturb<T>(T model) where T : ResidualNetwork
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (name, parameter) in model.named_parameters().Where(entry => entry.parameter.dim() == 1))
            parameter.add_(0.3 * rand_like(parameter) - 0.1);
        for (var i = 0; i < 5; i++)
            model.forward(randn([4, 3, 48, 48], model.conv1.weight!.dtype) + 0.5);
        return model;
    }

    /// <summary>
    /// Creates a network of any depth. As in a trained one, each block adds little to its input. With fully random weights, the rounding of
    /// 152 layers adds up: the model itself would be wrong by up to 1e-4 in float32.
    /// </summary>
    public static ResidualNetwork Create(string architecture, Stem? stem = null)
    {
        manual_seed(1);
        var model = Family.Create(architecture, 10, stem);
        using (no_grad())
            foreach (var last in model.modules().Select(module => module is BasicBlock basic ? basic.bn2 : (module as Bottleneck)?.bn3).OfType<BatchNorm2d>())
                last.weight!.mul_(0.2);
        return Perturb(model);
    }

    /// <summary>Changes two batch norms: channel 0 is only its bias, channel 1 is 0, and in channel 2 the bias is a million times larger than the rest.</summary>
    /// <returns>The two batch norms.</returns>
    public static BatchNorm2d[] MakeChannelsExtreme(ResNet18 model)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        BatchNorm2d[] norms = [model.bn1, ((BasicBlock)model.layer1[0]).bn1];
        foreach (var norm in norms)
        {
            norm.weight![0] = tensor(0f);
            norm.bias![0] = tensor(2.5f);
            norm.weight![1] = tensor(0f);
            norm.bias![1] = tensor(0f);
            norm.weight![2] = tensor(1e-6f);
            norm.bias![2] = tensor(1.7f);
        }
        return norms;
    }

    /// <summary>The largest difference between two tensors, relative to the largest value of the first.</summary>
    public static double MeasureDifference(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        return ((expected - actual).abs().max() / expected.abs().max()).to(ScalarType.Float64).item<double>();
    }
}
