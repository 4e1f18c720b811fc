using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Predicts with a training run's weights.</summary>
internal sealed class TorchPredictor : Predictor
{
    private readonly FusedModel _model;

    private TorchPredictor(ModelConfig network, FusedModel model)
        : base(network) => _model = model;

    /// <inheritdoc cref="ModelConfig.Load"/>
    public static TorchPredictor Load(string path, Device device)
    {
        try
        {
            var (network, model) = ModelConfig.Load(path, device);
            using (model)
                return new TorchPredictor(network, new FusedModel(model, device, path));
        }
        catch (UserException e) when (path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            throw new UserException($"{e.Message}; --engine onnx computes with files from export");
        }
    }

    public override Tensor ComputeLogits(Batch batch) => _model.Run(batch);

    public override void Dispose() => _model.Dispose();
}
