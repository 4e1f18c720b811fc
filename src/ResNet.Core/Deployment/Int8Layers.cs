using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A network in 8 bits, as its programs for all sizes have it in common: their source and the weights.</summary>
internal sealed class Int8Layers : IDisposable
{
    private const int LargestWeight = 127; // not -128: the same on both sides of 0
    private const long MostProducts = int.MaxValue / (LargestWeight * Quantization.Steps); // so that their sum fits
    private const double SmallestScale = 1.17549435e-38; // normal in float32, also where a channel is all 0

    private readonly List<Tensor> _convolutions = [];

    /// <param name="network">In float32, on the CPU. Is copied.</param>
    /// <param name="quantizations">By the names of layers.</param>
    /// <exception cref="ArgumentException">Sums of a convolution may not fit into 32 bits.</exception>
    public Int8Layers(FoldedNetwork network, IReadOnlyDictionary<string, Quantization> quantizations)
    {
        const string Images = "x";
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var operations = new Int8Operations(quantizations);
        Source = operations.Script(Images, network.Forward(operations, operations.Quantize(Images)));
        InChannels = network.Conv1.InChannels;
        using var script = new TorchScript($"""
            def quantize(self, weight: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
                return torch.quantize_per_channel(weight, scales, zeros, 0, 12)
            """);
        foreach (var convolution in operations.Convolutions)
        {
            if (convolution.Weight[0].numel() is > MostProducts and var products)
                throw Foldable.Unexpected($"{convolution.Name} with at most {MostProducts} weights for an output channel, whose products fit into 32 bits", $"{products}");
            var scales = (convolution.Weight.abs().flatten(1).amax([1]) / LargestWeight).clamp_min(SmallestScale);
            _convolutions.Add(script.Call<Tensor>("quantize", convolution.Weight, scales, zeros_like(scales).to(ScalarType.Int64)).DetachFromDisposeScope());
            _convolutions.Add(convolution.Bias.clone().DetachFromDisposeScope());
        }
        ClassifierWeight = network.Classifier.Weight.clone().DetachFromDisposeScope();
        ClassifierBias = network.Classifier.Bias.clone().DetachFromDisposeScope();
    }

    /// <summary>As <see cref="Int8Operations.Script"/> writes it.</summary>
    public string Source { get; }

    /// <summary>Of the images.</summary>
    public long InChannels { get; }

    /// <summary>The convolutions' weights, in 8 bits with a scale for each output channel, and their biases in float32: weight, bias, weight, bias …</summary>
    public IReadOnlyList<Tensor> Convolutions => _convolutions;

    /// <summary>Shape (num_classes, features), float32.</summary>
    public Tensor ClassifierWeight { get; }

    public Tensor ClassifierBias { get; }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _convolutions, ClassifierWeight, ClassifierBias])
            tensor.Dispose();
    }
}
