using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Predicts with the weights that a training has left.</summary>
internal sealed class TorchPredictor : Predictor
{
    private readonly Device _device;
    private readonly nn.Module<Tensor, Tensor> _fused;

    private TorchPredictor(NetworkInfo network, ResidualNetwork model, Device device)
        : base(network) => (_device, _fused) = (device, model.Fuse());

    /// <inheritdoc cref="NetworkInfo.Load"/>
    public static TorchPredictor Load(string path, Device device)
    {
        var (network, model) = NetworkInfo.Load(path, device);
        using (model)
        {
            try
            {
                return new TorchPredictor(network, model, device);
            }
            catch (ArgumentException e)
            {
                // Weights that are not finite: what such a network says is no prediction.
                throw new UserException($"{path}: {e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal)}");
            }
        }
    }

    public override Tensor Logits(Batch batch) => _fused.call(batch.To(_device));

    public override void Dispose() => _fused.Dispose();
}
