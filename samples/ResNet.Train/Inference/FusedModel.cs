using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network as <c>Fuse</c> makes it, on its device.</summary>
internal sealed class FusedModel : IDisposable
{
    private readonly Device _device;
    private readonly nn.Module<Tensor, Tensor> _fused;

    /// <param name="model">It stays the caller's.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="source">What a message begins with: where the weights are from.</param>
    /// <param name="dtype">In which it computes; null is the model's own.</param>
    /// <exception cref="UserException">The weights are not finite: what such a network says is no answer.</exception>
    public FusedModel(ResidualNetwork model, Device device, string source, ScalarType? dtype = null)
    {
        _device = device;
        try
        {
            _fused = model.Fuse(dtype);
        }
        catch (ArgumentException e)
        {
            throw new UserException($"{source}: {e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal)}");
        }
    }

    /// <returns>Shape (N, outputs), on the device.</returns>
    public Tensor Run(Batch batch) => _fused.call(batch.To(_device));

    public void Dispose() => _fused.Dispose();
}
