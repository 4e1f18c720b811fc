using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>torch.amp.GradScaler</c>, which TorchSharp lacks: loss scaling, without which small gradients become zero in float16.
/// </summary>
/// <remarks>
/// <para>The loss is multiplied by a large factor before the backward pass, and the float32 gradients are divided by it after.
/// A step whose gradients hold an infinity or NaN is left out and the factor made smaller; after many good steps in a row it
/// is made larger:</para>
/// <code>
/// scaler.scale(loss).backward();
/// scaler.unscale_(optimizer); // only where the gradients are looked at or clipped before the step
/// scaler.step(optimizer);
/// scaler.update();
/// </code>
/// <para>bfloat16 has the range of float32 and needs none of it. Source:
/// <see href="https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling">Gradient Scaling</see>, and
/// Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740), section 3.2.</para>
/// </remarks>
public sealed class GradScaler
{
    private enum Stage
    {
        Unscaled,
        Stepped,
    }

    /// <summary>What has happened since the last <see cref="update"/>, to each optimizer.</summary>
    private readonly Dictionary<optim.Optimizer, (Stage Stage, bool Finite)> _optimizers = new(ReferenceEqualityComparer.Instance);
    private readonly double _growthFactor, _backoffFactor;
    private readonly long _growthInterval;
    private readonly bool _enabled;

    // A float, as in PyTorch, so that it grows and shrinks to the same numbers
    private float _scale;
    private long _growthTracker;

    /// <summary>Makes a scaler for one training.</summary>
    /// <param name="init_scale">The factor at first.</param>
    /// <param name="growth_factor">By how much it grows, more than 1.</param>
    /// <param name="backoff_factor">What it is multiplied by after an infinity or NaN, between 0 and 1.</param>
    /// <param name="growth_interval">After how many good steps in a row it grows.</param>
    /// <param name="enabled">False does nothing but the optimizer's steps: the same program then trains in full precision.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not as said.</exception>
    public GradScaler(double init_scale = 65536, double growth_factor = 2, double backoff_factor = 0.5, long growth_interval = 2000, bool enabled = true)
    {
        _scale = Scale(init_scale, nameof(init_scale));
        _growthFactor = growth_factor > 1 && double.IsFinite(growth_factor) ? growth_factor
            : throw new ArgumentOutOfRangeException(nameof(growth_factor), growth_factor, "Expected a number above 1.");
        _backoffFactor = (float)backoff_factor is > 0 and < 1 ? backoff_factor
            : throw new ArgumentOutOfRangeException(nameof(backoff_factor), backoff_factor, "Expected a number between 0 and 1, of those that float32 holds.");
        ArgumentOutOfRangeException.ThrowIfLessThan(growth_interval, 1);
        (_growthInterval, _enabled) = (growth_interval, enabled);
    }

    /// <summary>The loss, multiplied: its backward pass gives multiplied gradients.</summary>
    /// <param name="loss">Where it is of 16 bits, the result is float32.</param>
    /// <returns>The caller owns it. It is the loss itself where the scaler is not enabled.</returns>
    public Tensor scale(Tensor loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (!_enabled) return loss;
        if (loss.dtype is not (ScalarType.Float16 or ScalarType.BFloat16)) return loss.mul(_scale);
        using var wide = loss.to(ScalarType.Float32);
        return wide.mul(_scale);
    }

    /// <summary>
    /// Divides the gradients of the optimizer's parameters by the factor, in place. <see cref="step"/> does it where it was not done before.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// It was done already since the last <see cref="update"/>, there are no gradients, or there are some of float16, whose
    /// weights should be float32 and its forward pass under an <see cref="Autocast"/>.
    /// </exception>
    public void unscale_(optim.Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (!_enabled) return;
        if (_optimizers.TryGetValue(optimizer, out var done))
            throw new InvalidOperationException(done.Stage == Stage.Stepped
                ? "Expected unscale_ before step; step was already called since the last update."
                : "Expected unscale_ once; it was already called for this optimizer since the last update.");

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var gradients = optimizer.parameters().Select(parameter => parameter.grad).OfType<Tensor>().ToList();
        if (gradients.Count == 0)
            throw new InvalidOperationException("Expected gradients, got none: call backward on the scaled loss before.");
        if (gradients.Any(gradient => gradient.dtype == ScalarType.Float16))
            throw new InvalidOperationException("Expected gradients of float32, got some of Float16: make the weights in float32 and the forward pass under an Autocast.");

        var reciprocal = (float)(1.0 / _scale);
        foreach (var gradient in gradients)
            gradient.mul_(reciprocal);
        // One answer for all of them: to ask each would make a GPU wait each time.
        var finite = stack(gradients.Select(gradient => gradient.isfinite().all())).all().item<bool>();
        _optimizers.Add(optimizer, (Stage.Unscaled, finite));
    }

    /// <summary>The optimizer's step, unless a gradient is infinite or NaN: then nothing, neither to weights nor to momentum.</summary>
    /// <exception cref="InvalidOperationException">It was done already since the last <see cref="update"/>, or as <see cref="unscale_"/>.</exception>
    public void step(optim.Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (_enabled)
        {
            if (!_optimizers.TryGetValue(optimizer, out var done))
                unscale_(optimizer);
            else if (done.Stage == Stage.Stepped)
                throw new InvalidOperationException("Expected step once; it was already called for this optimizer since the last update.");

            var finite = _optimizers[optimizer].Finite;
            _optimizers[optimizer] = (Stage.Stepped, finite);
            if (!finite) return;
        }
        optimizer.step()?.Dispose();
    }

    /// <summary>Makes the factor smaller after an infinity or NaN, larger after enough good steps. At the end of each step, after all optimizers.</summary>
    /// <exception cref="InvalidOperationException">
    /// No gradient was looked at since the last time; or there was an infinity or NaN every time until the factor cannot be made
    /// smaller, so that no step would ever be taken again.
    /// </exception>
    public void update()
    {
        if (!_enabled) return;
        if (_optimizers.Count == 0)
            throw new InvalidOperationException("Expected step before update; neither it nor unscale_ was called since the last update.");

        if (_optimizers.Values.Any(optimizer => !optimizer.Finite))
        {
            var reduced = (float)(_scale * _backoffFactor);
            if (!IsScale(reduced) || reduced >= _scale)
                throw new InvalidOperationException($"Expected gradients that are finite with a small enough scale, got an infinity or NaN down to a scale of {_scale}: the loss or the weights are not finite themselves. Look at the data, or lower the learning rate.");
            _scale = reduced;
            _growthTracker = 0;
        }
        else if (++_growthTracker == _growthInterval)
        {
            var grown = (float)(_scale * _growthFactor);
            if (IsScale(grown)) _scale = grown;
            _growthTracker = 0;
        }
        _optimizers.Clear();
    }

    /// <summary>The factor; 1 where the scaler is not enabled.</summary>
    public double get_scale() => _enabled ? _scale : 1;

    /// <summary>Whether it does anything.</summary>
    public bool is_enabled() => _enabled;

    /// <summary>What a training needs to go on as if it had not been interrupted: PyTorch's <c>scale</c> and <c>_growth_tracker</c>. Empty where it is not enabled.</summary>
    public IReadOnlyDictionary<string, double> state_dict() =>
        _enabled ? new Dictionary<string, double> { ["scale"] = _scale, ["_growth_tracker"] = _growthTracker } : [];

    /// <summary>Goes on from what <see cref="state_dict"/> gave. Does nothing where it is not enabled.</summary>
    /// <exception cref="ArgumentException">A number is missing or not possible; the scaler is as it was.</exception>
    public void load_state_dict(IReadOnlyDictionary<string, double> state_dict)
    {
        ArgumentNullException.ThrowIfNull(state_dict);
        if (!_enabled) return;
        if (!state_dict.TryGetValue("scale", out var scale) || !state_dict.TryGetValue("_growth_tracker", out var tracker))
            throw new ArgumentException($"Expected scale and _growth_tracker, got {(state_dict.Count == 0 ? "nothing" : string.Join(", ", state_dict.Keys))}.", nameof(state_dict));
        if (!(tracker >= 0 && tracker < _growthInterval && double.IsInteger(tracker)))
            throw new ArgumentOutOfRangeException(nameof(state_dict), tracker, $"Expected a whole number from 0 to below {_growthInterval} as _growth_tracker.");
        _scale = Scale(scale, nameof(state_dict));
        _growthTracker = (long)tracker;
    }

    private static float Scale(double value, string name) => IsScale((float)value) ? (float)value
        : throw new ArgumentOutOfRangeException(name, value, "Expected a scale above 0 that float32 holds, and its reciprocal as well.");

    /// <summary>Whether a loss can be multiplied by it and a gradient divided.</summary>
    private static bool IsScale(float value) => value > 0 && float.IsFinite(value) && float.IsFinite(1 / value);
}
