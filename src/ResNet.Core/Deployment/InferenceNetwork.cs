using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>What is the same for a fused network however it computes.</summary>
internal abstract class InferenceNetwork : nn.Module<Tensor, Tensor>
{
    private const long Channels = 3;

    private readonly Tensor _fcWeight;
    private readonly Gate _gate;

    /// <param name="fcWeight">The classifier's, shape (num_classes, 512): where it is, and of what type, so have the pictures to be.</param>
    protected InferenceNetwork(Tensor fcWeight)
        : base("FusedResNet18") => (_fcWeight, _gate) = (fcWeight, new Gate(Free));

    public sealed override Tensor forward(Tensor x)
    {
        if (!_gate.TryEnter())
            throw new ObjectDisposedException(GetName(), "The fused network was disposed before the call.");
        try
        {
            Guard.Input(this, _fcWeight, Channels, x);
            using var _ = no_grad();
            if (x.shape[0] == 0)
                return nn.functional.linear(empty([0, _fcWeight.shape[1]], _fcWeight.dtype, _fcWeight.device), _fcWeight);
            return Logits(x);
        }
        finally
        {
            _gate.Leave();
        }
    }

    /// <param name="x">Shape (N, 3, H, W), N at least 1.</param>
    /// <returns>Shape (N, num_classes).</returns>
    protected abstract Tensor Logits(Tensor x);

    /// <summary>All that it holds, its weights above all.</summary>
    protected abstract IEnumerable<IDisposable> Resources { get; }

    /// <summary>Nothing: a module that has this one as a part would make buffers of its weights, and convert and move one without the others.</summary>
    protected sealed override void RegisterComponents()
    {
    }

    /// <summary>What is disposed while calls are under way is freed when the last of them is done.</summary>
    protected sealed override void Dispose(bool disposing)
    {
        if (disposing)
            _gate.Close();
        else
            base.Dispose(disposing);
    }

    private void Free()
    {
        foreach (var resource in Resources)
            resource.Dispose();
        base.Dispose(disposing: true);
    }
}
