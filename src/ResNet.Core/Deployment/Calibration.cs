using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Deployment;

/// <summary>
/// Runs the network and notes the least and the largest value of every tensor that is to be quantised. Nothing is cut off: with ranges of
/// the least squared error the logits were no nearer to those of float32, and without one value in 10,000 further from them.
/// </summary>
internal sealed class Calibration : INetworkOperations<Tensor>
{
    /// <summary>The name of the pictures themselves.</summary>
    public const string Input = "input";

    private readonly Dictionary<string, (float Low, float High)> _ranges = [];

    private Calibration()
    {
    }

    /// <summary>For the input and every layer, by name, how to quantise it.</summary>
    /// <param name="model">The one that <paramref name="network"/> was made of: the batches have to fit it.</param>
    /// <param name="network">In float32.</param>
    /// <param name="batches">Are gone through once.</param>
    public static IReadOnlyDictionary<string, Quantization> Of(ResNet18 model, FoldedNetwork network, IEnumerable<Tensor> batches)
    {
        using var _ = no_grad();
        var calibration = new Calibration();
        foreach (var batch in batches)
        {
            Guard.Input(model, model.conv1.weight, model.conv1.in_channels, batch);
            if (batch.shape[0] == 0) continue;

            using var scope = NewDisposeScope();
            using var full = Autocast.Casts(batch) ? new Autocast(batch.device_type, enabled: false) : default; // the caller's would round what is measured
            calibration.Logits(network, calibration.Note(Input, batch.to(ScalarType.Float32)));
        }
        if (calibration._ranges.Count == 0)
            throw new ArgumentException("Expected at least one picture in the calibration batches, got none.", nameof(batches));
        return calibration._ranges.ToDictionary(entry => entry.Key, entry => Quantization.Of(entry.Value.Low, entry.Value.High));
    }

    public Tensor Convolve(string name, Tensor x, FoldedConvolution convolution, bool relu)
    {
        var y = convolution.Convolve(x);
        return Note(name, relu ? y.relu_() : y);
    }

    public Tensor MaxPool(string name, Tensor x) => F.max_pool2d(x, kernel_size: 3, stride: 2, padding: 1);

    public Tensor Add(string name, Tensor x, Tensor shortcut) => Note(name, x.add_(shortcut).relu_());

    public Tensor AveragePool(string name, Tensor x) => Note(name, x.mean([2, 3]));

    public Tensor Linear(string name, Tensor x, Tensor weight, Tensor bias) => F.linear(x, weight, bias);

    private Tensor Note(string name, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (low, high) = (x.min().item<float>(), x.max().item<float>());
        if (!float.IsFinite(low) || !float.IsFinite(high))
            throw new ArgumentException($"Expected calibration batches of finite values, of which the model makes finite values, got values from {low} to {high} at {name}.");

        var before = _ranges.GetValueOrDefault(name); // a range has 0 in it
        _ranges[name] = (Math.Min(before.Low, low), Math.Max(before.High, high));
        return x;
    }
}
