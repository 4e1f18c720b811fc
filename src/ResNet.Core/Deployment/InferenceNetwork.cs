using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>What is the same for a fused network however it computes.</summary>
/// <param name="fcWeight">The classifier's, shape (num_classes, 512): where it is, and of what type, so have the pictures to be.</param>
internal abstract class InferenceNetwork(Tensor fcWeight) : nn.Module<Tensor, Tensor>("FusedResNet18")
{
    private const long Channels = 3;

    public sealed override Tensor forward(Tensor x)
    {
        Guard.Input(this, fcWeight, Channels, x);
        using var _ = no_grad();
        if (x.shape[0] == 0)
            return empty([0, fcWeight.shape[0]], fcWeight.dtype, fcWeight.device);
        return Logits(x);
    }

    /// <param name="x">Shape (N, 3, H, W), N at least 1.</param>
    /// <returns>Shape (N, num_classes).</returns>
    protected abstract Tensor Logits(Tensor x);

    /// <summary>Every tensor that it holds.</summary>
    protected abstract IEnumerable<Tensor> Weights { get; }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var tensor in Weights)
                tensor.Dispose();
        base.Dispose(disposing);
    }
}
