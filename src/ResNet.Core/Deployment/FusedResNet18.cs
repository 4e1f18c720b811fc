using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Deployment;

/// <summary>The forward pass of <see cref="ResNet18"/> without its batch normalisations, on every device and in every type.</summary>
/// <param name="network">Its own from now on.</param>
internal sealed class FusedResNet18(FoldedNetwork network) : InferenceNetwork(network.FcWeight)
{
    protected override IEnumerable<IDisposable> Resources => network.Tensors;

    protected override Tensor Logits(Tensor x)
    {
        using var scope = NewDisposeScope();

        x = scope.Keep(network.Conv1.Convolve(x).relu_());
        if (network.Stem == Stem.Conv7MaxPool)
            x = scope.Keep(F.max_pool2d(x, kernel_size: 3, stride: 2, padding: 1));
        foreach (var block in network.Blocks)
            x = scope.Keep(Residual(block, x));
        x = scope.Keep(F.adaptive_avg_pool2d(x, [1L, 1L]));
        x = scope.Keep(flatten(x, 1));
        x = scope.Keep(F.linear(x, network.FcWeight, network.FcBias));
        return x.MoveToOuterDisposeScope();
    }

    private static Tensor Residual(FoldedBlock block, Tensor x)
    {
        using var scope = NewDisposeScope();

        var @out = scope.Keep(block.Conv1.Convolve(x).relu_());
        @out = scope.Keep(block.Conv2.Convolve(@out));
        @out.add_(block.Shortcut?.Convolve(x) ?? x).relu_();
        return @out.MoveToOuterDisposeScope();
    }
}
