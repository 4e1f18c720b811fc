using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>torch.amp.GradScaler</c>, which TorchSharp lacks: loss scaling, which keeps small float16 gradients from underflowing to zero.
/// </summary>
/// <remarks>
/// <para>The loss is multiplied by a large scale before the backward pass, and the float32 gradients are divided by it afterwards. If a gradient is infinite or
/// NaN, the step is skipped and the scale reduced. After many good steps in a row, the scale grows:</para>
/// <code>
/// scaler.scale(loss).backward();
/// scaler.unscale_(optimizer); // only needed to inspect or clip the gradients before the step
/// scaler.step(optimizer);
/// scaler.update();
/// </code>
/// <para>bfloat16 has the range of float32 and does not need loss scaling. Source:
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

    /// <summary>The stage of each optimizer since the last <see cref="update"/>.</summary>
    private readonly Dictionary<optim.Optimizer, (Stage Stage, bool Finite)> _optimizers = new(ReferenceEqualityComparer.Instance);
    private readonly double _growthFactor, _backoffFactor;
    private readonly long _growthInterval;
    private readonly bool _enabled;

    // A float, as in PyTorch, so that it takes the same values
    private float _scale;
    private long _growthTracker;

    /// <summary>Creates a scaler for one training run.</summary>
    /// <param name="init_scale">The initial scale.</param>
    /// <param name="growth_factor">The factor by which the scale grows, greater than 1.</param>
    /// <param name="backoff_factor">The factor applied to the scale after an infinity or NaN, between 0 and 1.</param>
    /// <param name="growth_interval">The number of good steps in a row before the scale grows, at least 1.</param>
    /// <param name="enabled">False to only run the optimizer's steps, so that the same program trains in full precision.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public GradScaler(double init_scale = 65536, double growth_factor = 2, double backoff_factor = 0.5, long growth_interval = 2000, bool enabled = true)
    {
        _scale = CheckScale(init_scale, nameof(init_scale));
        _growthFactor = growth_factor > 1 && double.IsFinite(growth_factor) ? growth_factor
            : throw new ArgumentOutOfRangeException(nameof(growth_factor), growth_factor, "Expected a number above 1.");
        _backoffFactor = (float)backoff_factor is > 0 and < 1 ? backoff_factor
            : throw new ArgumentOutOfRangeException(nameof(backoff_factor), backoff_factor, "Expected a number between 0 and 1 in float32.");
        ArgumentOutOfRangeException.ThrowIfLessThan(growth_interval, 1);
        (_growthInterval, _enabled) = (growth_interval, enabled);
    }

    /// <summary>Multiplies a loss by the scale, so that its backward pass gives scaled gradients.</summary>
    /// <param name="loss">The loss.</param>
    /// <returns>The scaled loss, float32 for a 16-bit loss; the loss itself if the scaler is not enabled. The caller owns it.</returns>
    public Tensor scale(Tensor loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (!_enabled) return loss;
        if (loss.dtype is not (ScalarType.Float16 or ScalarType.BFloat16)) return loss.mul(_scale);
        using var wide = loss.to(ScalarType.Float32);
        return wide.mul(_scale);
    }

    /// <summary>
    /// Divides the gradients of the optimizer's parameters by the scale, in place. <see cref="step"/> does this unless it was done before.
    /// </summary>
    /// <param name="optimizer">The optimizer whose gradients are unscaled.</param>
    /// <exception cref="InvalidOperationException">
    /// The method was already called since the last <see cref="update"/>, there are no gradients, or some are float16; keep the weights in float32 and run the
    /// forward pass under an <see cref="Autocast"/>.
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
            throw new InvalidOperationException("Expected gradients, got none: call backward on the scaled loss first.");
        if (gradients.Any(gradient => gradient.dtype == ScalarType.Float16))
            throw new InvalidOperationException("Expected gradients in Float32, got some in Float16: keep the weights in Float32 and run the forward pass under an Autocast.");

        var reciprocal = (float)(1.0 / _scale);
        foreach (var gradient in gradients)
            gradient.mul_(reciprocal);
        // One result for all gradients: reading one per gradient would synchronize a GPU each time.
        var finite = stack(gradients.Select(gradient => gradient.isfinite().all())).all().item<bool>();
        _optimizers.Add(optimizer, (Stage.Unscaled, finite));
    }

    /// <summary>Runs the optimizer's step, or skips it if a gradient is infinite or NaN. A skipped step changes neither weights nor momentum.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <exception cref="InvalidOperationException">The method was already called since the last <see cref="update"/>, or <see cref="unscale_"/> fails.</exception>
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

    /// <summary>Reduces the scale after an infinity or NaN, and increases it after enough good steps. Call it once per training step, after all optimizers.</summary>
    /// <exception cref="InvalidOperationException">
    /// Neither <see cref="step"/> nor <see cref="unscale_"/> was called since the last update; or gradients were infinite or NaN until the scale could not be
    /// reduced any more, so that no further step would ever run.
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
                throw new InvalidOperationException($"Expected finite gradients at a small enough scale, got an infinity or NaN down to a scale of {_scale}: the loss or the weights are not finite. Check the data, or lower the learning rate.");
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

    /// <summary>Returns the scale; 1 if the scaler is not enabled.</summary>
    public double get_scale() => _enabled ? _scale : 1;

    /// <summary>Whether the scaler is enabled.</summary>
    public bool is_enabled() => _enabled;

    /// <summary>Returns the state for resuming a training run: PyTorch's <c>scale</c> and <c>_growth_tracker</c>. Empty if the scaler is not enabled.</summary>
    public IReadOnlyDictionary<string, double> state_dict() =>
        _enabled ? new Dictionary<string, double> { ["scale"] = _scale, ["_growth_tracker"] = _growthTracker } : [];

    /// <summary>Restores a state of <see cref="state_dict"/>. Does nothing if the scaler is not enabled.</summary>
    /// <param name="state_dict">The state.</param>
    /// <exception cref="ArgumentException">A number is missing or out of range. The scaler is unchanged.</exception>
    public void load_state_dict(IReadOnlyDictionary<string, double> state_dict)
    {
        ArgumentNullException.ThrowIfNull(state_dict);
        if (!_enabled) return;
        if (!state_dict.TryGetValue("scale", out var scale) || !state_dict.TryGetValue("_growth_tracker", out var tracker))
            throw new ArgumentException($"Expected scale and _growth_tracker, got {(state_dict.Count == 0 ? "nothing" : string.Join(", ", state_dict.Keys))}.", nameof(state_dict));
        if (!(tracker >= 0 && tracker < _growthInterval && double.IsInteger(tracker)))
            throw new ArgumentOutOfRangeException(nameof(state_dict), tracker, $"Expected a _growth_tracker that is a whole number from 0 to below {_growthInterval}.");
        _scale = CheckScale(scale, nameof(state_dict));
        _growthTracker = (long)tracker;
    }

    private static float CheckScale(double value, string name) => IsScale((float)value) ? (float)value
        : throw new ArgumentOutOfRangeException(name, value, "Expected a positive scale that float32 can represent, along with its reciprocal.");

    /// <summary>Whether a loss can be multiplied by a scale and a gradient divided by it.</summary>
    private static bool IsScale(float value) => value > 0 && float.IsFinite(value) && float.IsFinite(1 / value);
}
