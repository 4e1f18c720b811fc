using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The base class of fused networks.</summary>
internal abstract class InferenceNetwork : nn.Module<Tensor, Tensor>
{
    private readonly long _channels;
    private readonly Tensor _fcWeight;
    private readonly Gate _gate;

    /// <param name="name">The name of the original network.</param>
    /// <param name="channels">The number of channels of the images.</param>
    /// <param name="fcWeight">The classifier's weight, shape (num_classes, features). Images must have its device and type.</param>
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
            return ComputeLogits(x);
        }
        finally
        {
            _gate.Leave();
        }
    }

    /// <summary>Computes the logits.</summary>
    /// <param name="x">The images, shape (N, C, H, W), N at least 1.</param>
    /// <returns>The logits, shape (N, num_classes).</returns>
    protected abstract Tensor ComputeLogits(Tensor x);

    /// <summary>The resources to dispose, such as the weights.</summary>
    protected abstract IEnumerable<IDisposable> Resources { get; }

    /// <summary>Registers nothing. Otherwise a parent module would treat the weights as buffers, and convert or move only some of them.</summary>
    protected sealed override void RegisterComponents()
    {
    }

    /// <summary>Disposes the network. Resources are freed when the last running call is done.</summary>
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
