using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Runs the network and notes the least and the largest value of every tensor that is to be quantised. Nothing is cut off: with ranges of
/// the least squared error the logits were no nearer to those of float32, and without one value in 10,000 further from them.
/// </summary>
internal sealed class Calibration : TensorOperations
{
    /// <summary>The name of the images themselves.</summary>
    public const string Input = "input";

    private readonly Dictionary<string, (float Low, float High)> _ranges = [];

    private Calibration()
    {
    }

    /// <summary>For the input and every layer, by name, how to quantise it.</summary>
    /// <param name="model">The one that <paramref name="network"/> was made of: the batches have to fit it.</param>
    /// <param name="network">In float32.</param>
    /// <param name="calibrationBatches">Are gone through once.</param>
    public static IReadOnlyDictionary<string, Quantization> Calibrate(ResidualNetwork model, FoldedNetwork network, IEnumerable<Tensor> calibrationBatches)
    {
        using var _ = no_grad();
        var calibration = new Calibration();
        foreach (var batch in calibrationBatches)
        {
            ArgumentNullException.ThrowIfNull(batch, nameof(calibrationBatches));
            Guard.InputInEvalMode(model, batch);
            if (batch.shape[0] == 0) continue;

            using var scope = NewDisposeScope();
            using var full = Autocast.Casts(batch) ? new Autocast(batch.device_type, enabled: false) : default; // the caller's would round what is measured
            network.Forward(calibration, calibration.Made(Input, batch.to(ScalarType.Float32)));
        }
        if (calibration._ranges.Count == 0)
            throw new ArgumentException("Expected at least one picture in the calibration batches, got none.", nameof(calibrationBatches));
        return calibration._ranges.ToDictionary(entry => entry.Key, entry => Quantization.Of(entry.Value.Low, entry.Value.High));
    }

    protected override Tensor Made(string name, Tensor x)
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
