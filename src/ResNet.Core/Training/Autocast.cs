using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>torch.autocast</c>: mixed precision for the forward pass and the loss of a network with float32 weights.
/// </summary>
/// <remarks>
/// <para>Until it is disposed, convolutions and matrix products on the device type cast their operands to a 16-bit type, while operations that need range or
/// precision, such as losses, run in float32. libtorch decides by the same lists as in Python. Weights, their gradients and the running statistics of batch
/// norms stay float32. Run the backward pass and the optimizer's step after it:</para>
/// <code>
/// Tensor loss;
/// using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
///     loss = cross_entropy(model.call(x), labels);
/// loss.backward();
/// optimizer.step();
/// </code>
/// <para>It applies to the thread that created it, as in PyTorch. As a ref struct it can neither be stored nor cross an <c>await</c>, after which the code may run
/// on another thread; the compiler refuses that. Autocasts nest. Source:
/// <see href="https://docs.pytorch.org/docs/stable/amp.html">Automatic Mixed Precision</see>, and
/// Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740).</para>
/// </remarks>
public readonly ref struct Autocast : IDisposable
{
    private readonly Change? _change;

    /// <summary>Starts mixed precision on this thread.</summary>
    /// <param name="device_type">The device type of the operations, CPU or CUDA.</param>
    /// <param name="dtype">The 16-bit type, BFloat16 or Float16; if null, PyTorch's default: BFloat16 on the CPU and Float16 on CUDA.</param>
    /// <param name="enabled">False for full precision, also inside another autocast.</param>
    /// <exception cref="ArgumentException"><paramref name="device_type"/> or <paramref name="dtype"/> is none of these.</exception>
    /// <exception cref="NotSupportedException">This libtorch does not export autocast.</exception>
    public Autocast(DeviceType device_type, ScalarType? dtype = null, bool enabled = true)
    {
        if (device_type is not (DeviceType.CPU or DeviceType.CUDA))
            throw new ArgumentException($"Expected CPU or CUDA, got {device_type}.", nameof(device_type));
        var type = dtype ?? (device_type == DeviceType.CUDA ? ScalarType.Float16 : ScalarType.BFloat16);
        if (type is not (ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"Expected BFloat16 or Float16, got {type}.", nameof(dtype));
        _change = new Change(device_type, type, enabled);
    }

    /// <summary>Prevents <c>new Autocast()</c>, which would compile for any struct and do nothing.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    [Obsolete("Name the device type, such as new Autocast(DeviceType.CPU).", error: true)]
    public Autocast() => throw new NotSupportedException("Expected a device type, got none: new Autocast(DeviceType.CPU).");

    /// <summary>Whether convolutions and matrix products on this thread cast <paramref name="x"/>.</summary>
    internal static bool Casts(Tensor x) =>
        Change.FindInnermost(x.device_type) is { Enabled: true } && x.dtype is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>
    /// Restores the previous state, and ends autocasts that were created inside and not disposed. Calling it again has no effect, nor has calling it on a
    /// <c>default</c> value.
    /// </summary>
    public void Dispose() => _change?.Undo();

    /// <summary>The change of an autocast on its thread, shared by all copies of the struct.</summary>
    private sealed class Change
    {
        [ThreadStatic]
        private static Change? innermost;

        private readonly Change? _outer = innermost;
        private readonly DeviceType _deviceType;
        private readonly bool _wasEnabled;
        private readonly ScalarType _previousType;
        private bool _undone;

        public Change(DeviceType deviceType, ScalarType type, bool enabled)
        {
            (_deviceType, Enabled) = (deviceType, enabled);
            _wasEnabled = NativeAutocast.IsEnabled(deviceType);
            _previousType = NativeAutocast.GetScalarType(deviceType);
            NativeAutocast.Set(deviceType, type, enabled);
            NativeAutocast.IncrementNesting();
            innermost = this;
        }

        public bool Enabled { get; }

        public static Change? FindInnermost(DeviceType deviceType)
        {
            var change = innermost;
            while (change is not null && change._deviceType != deviceType)
                change = change._outer;
            return change;
        }

        public void Undo()
        {
            if (_undone) return;
            while (innermost != this)
                innermost!.Undo(); // created inside and not disposed; otherwise the thread would stay in 16 bits

            _undone = true;
            innermost = _outer;
            if (NativeAutocast.DecrementNesting() == 0)
                NativeAutocast.ClearCache(); // the 16-bit copies of weights that the optimizer is about to change
            NativeAutocast.Set(_deviceType, _previousType, _wasEnabled);
        }
    }
}
