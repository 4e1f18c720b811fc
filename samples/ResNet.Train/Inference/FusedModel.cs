using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network fused by <c>Fuse</c>, on its device.</summary>
internal sealed class FusedModel : IDisposable
{
    private readonly Device _device;
    private readonly nn.Module<Tensor, Tensor> _fused;

    /// <param name="model">The network. The caller still owns it.</param>
    /// <param name="device">The network's device.</param>
    /// <param name="source">The origin of the weights, for messages.</param>
    /// <param name="dtype">The type to compute in; null is the model's own.</param>
    /// <exception cref="UserException">The weights are not finite, so the outputs would be meaningless.</exception>
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

    /// <returns>The outputs, shape (N, outputs), on the device.</returns>
    public Tensor Run(Batch batch) => _fused.call(batch.To(_device));

    public void Dispose() => _fused.Dispose();
}
