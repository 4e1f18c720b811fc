using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The weights and the source of an 8-bit network, shared by its programs for all sizes.</summary>
internal sealed class Int8Layers : IDisposable
{
    private const long MaxProducts = int.MaxValue / (QuantizationParameters.MaxWeight * QuantizationParameters.Steps); // so that their sum fits
    private const double MinScale = 1.17549435e-38; // the smallest normal float32, for channels of zeros

    private readonly List<Tensor> _convolutions = [];

    /// <param name="network">The network in float32 on the CPU, which is copied.</param>
    /// <param name="quantizations">The quantization parameters by layer name.</param>
    /// <exception cref="ArgumentException">The sums of a convolution could overflow 32 bits.</exception>
    public Int8Layers(FoldedNetwork network, IReadOnlyDictionary<string, QuantizationParameters> quantizations)
    {
        const string Images = "x";
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var convolution in network.Convolutions)
            if (convolution.Weight[0].numel() is > MaxProducts and var products)
                throw Foldable.Unexpected($"{convolution.Name} with at most {MaxProducts} weights per output channel, so that sums fit into 32 bits", $"{products}");

        var operations = new Int8Operations(quantizations);
        Source = operations.ToScript(Images, network.Forward(operations, operations.Quantize(Images)));
        InChannels = network.Conv1.InChannels;
        using var script = new TorchScript("""
            def quantize(self, weight: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
                return torch.quantize_per_channel(weight, scales, zeros, 0, 12)
            """);
        foreach (var convolution in operations.Convolutions)
        {
            var scales = (convolution.Weight.abs().flatten(1).amax([1]) / QuantizationParameters.MaxWeight).clamp_min(MinScale);
            _convolutions.Add(script.Call<Tensor>("quantize", convolution.Weight, scales, zeros_like(scales).to(ScalarType.Int64)).DetachFromDisposeScope());
            _convolutions.Add(convolution.Bias.clone().DetachFromDisposeScope());
        }
        ClassifierWeight = network.Classifier.Weight.clone().DetachFromDisposeScope();
        ClassifierBias = network.Classifier.Bias.clone().DetachFromDisposeScope();
    }

    /// <summary>The source from <see cref="Int8Operations.ToScript"/>.</summary>
    public string Source { get; }

    /// <summary>The number of channels of the images.</summary>
    public long InChannels { get; }

    /// <summary>The weight (int8 with a scale per output channel) and the bias (float32) of each convolution in turn.</summary>
    public IReadOnlyList<Tensor> Convolutions => _convolutions;

    /// <summary>The classifier's weight, shape (num_classes, features), float32.</summary>
    public Tensor ClassifierWeight { get; }

    public Tensor ClassifierBias { get; }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _convolutions, ClassifierWeight, ClassifierBias])
            tensor.Dispose();
    }
}
