using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>What is the same for a fused network however it computes.</summary>
internal abstract class InferenceNetwork : nn.Module<Tensor, Tensor>
{
    private readonly long _channels;
    private readonly Tensor _fcWeight;
    private readonly Gate _gate;

    /// <param name="name">Of the network that it was made of.</param>
    /// <param name="channels">Of the images.</param>
    /// <param name="fcWeight">The classifier's, shape (num_classes, features): where it is, and of what type, so have the images to be.</param>
    protected InferenceNetwork(string name, long channels, Tensor fcWeight)
        : base($"Fused{name}") => (_channels, _fcWeight, _gate) = (channels, fcWeight, new Gate(Free));

    public sealed override Tensor forward(Tensor x)
    {
        if (!_gate.TryEnter())
            throw new ObjectDisposedException(GetName(), "The fused network was disposed before the call.");
        try
        {
            Guard.Input(this, _fcWeight, _channels, x);
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

    /// <param name="x">Shape (N, C, H, W), N at least 1.</param>
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
