using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Runs the network and records the minimum and maximum of every tensor to quantize. Ranges are not clipped: with ranges of minimal squared error the logits were no
/// closer to those of float32, and without one value in 10,000 they were further away.
/// </summary>
internal sealed class Calibration : TensorOperations
{
    /// <summary>The name of the input images.</summary>
    public const string Input = "input";

    private readonly Dictionary<string, (float Low, float High)> _ranges = [];

    private Calibration()
    {
    }

    /// <summary>The quantization parameters of the input and every layer, by name.</summary>
    public IReadOnlyDictionary<string, QuantizationParameters> Quantizations =>
        _ranges.ToDictionary(entry => entry.Key, entry => QuantizationParameters.FromRange(entry.Value.Low, entry.Value.High));

    /// <summary>The size of the first image, as a batch of one.</summary>
    public BatchSize ImageSize { get; private set; }

    /// <summary>Finds the range of the input and every layer.</summary>
    /// <param name="model">The model that <paramref name="network"/> was folded from. The batches must fit it.</param>
    /// <param name="network">The folded network in float32.</param>
    /// <param name="calibrationBatches">The calibration images, enumerated once.</param>
    public static Calibration Calibrate(ResidualNetwork model, FoldedNetwork network, IEnumerable<Tensor> calibrationBatches)
    {
        using var _ = no_grad();
        var calibration = new Calibration();
        foreach (var batch in calibrationBatches)
        {
            ArgumentNullException.ThrowIfNull(batch, nameof(calibrationBatches));
            Guard.InputInEvalMode(model, batch);
            if (batch.shape[0] == 0) continue;
            if (calibration._ranges.Count == 0)
                calibration.ImageSize = new BatchSize(1, batch.shape[2], batch.shape[3]);

            using var scope = NewDisposeScope();
            using var full = Autocast.Casts(batch) ? new Autocast(batch.device_type, enabled: false) : default; // an autocast of the caller would round the values
            network.Forward(calibration, calibration.OnComputed(Input, batch.to(ScalarType.Float32)));
        }
        if (calibration._ranges.Count == 0)
            throw new ArgumentException("Expected at least one image in the calibration batches, got none.", nameof(calibrationBatches));
        return calibration;
    }

    protected override Tensor OnComputed(string name, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (low, high) = (x.min().item<float>(), x.max().item<float>());
        if (!float.IsFinite(low) || !float.IsFinite(high))
            throw new ArgumentException($"Expected calibration batches with finite values and finite activations, got values from {low} to {high} at {name}.");

        var before = _ranges.GetValueOrDefault(name); // every range includes 0
        _ranges[name] = (Math.Min(before.Low, low), Math.Max(before.High, high));
        return x;
    }
}
