using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>torch.autocast</c>: mixed precision for the forward pass and the loss of a network with float32 weights.
/// </summary>
/// <remarks>
/// <para>Until it is disposed, convolutions and matrix products on the device type take their operands in a 16-bit type, while
/// what needs the range or the digits, such as losses, computes in float32: libtorch chooses, by the same lists as in
/// Python. Weights, their gradients and the running statistics of batch normalisations stay float32. The backward pass and
/// the optimizer's step belong after it:</para>
/// <code>
/// Tensor loss;
/// using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
///     loss = cross_entropy(model.call(x), labels);
/// loss.backward();
/// optimizer.step();
/// </code>
/// <para>It holds for the thread that made it, as PyTorch's does. It is a ref struct, so that it can neither be kept nor cross an
/// <c>await</c>, after which the code may run on another thread: the compiler refuses it. Autocasts nest. Source:
/// <see href="https://docs.pytorch.org/docs/stable/amp.html">Automatic Mixed Precision</see>, and
/// Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740).</para>
/// </remarks>
public readonly ref struct Autocast : IDisposable
{
    private readonly Change? _change;

    /// <summary>Begins mixed precision on this thread.</summary>
    /// <param name="device_type">Where the operations run: CPU or CUDA.</param>
    /// <param name="dtype">BFloat16 or Float16; null is PyTorch's choice, BFloat16 on the CPU and Float16 on CUDA.</param>
    /// <param name="enabled">False computes in full precision, also inside of another one.</param>
    /// <exception cref="ArgumentException">Another device type or type.</exception>
    /// <exception cref="NotSupportedException">This libtorch does not have it where it is looked for.</exception>
    public Autocast(DeviceType device_type, ScalarType? dtype = null, bool enabled = true)
    {
        if (device_type is not (DeviceType.CPU or DeviceType.CUDA))
            throw new ArgumentException($"Expected CPU or CUDA, got {device_type}.", nameof(device_type));
        var type = dtype ?? (device_type == DeviceType.CUDA ? ScalarType.Float16 : ScalarType.BFloat16);
        if (type is not (ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"Expected BFloat16 or Float16, got {type}.", nameof(dtype));
        _change = new Change(device_type, type, enabled);
    }

    /// <summary>Does not compile: without it <c>new Autocast()</c> would compile, as of every struct, and change nothing.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    [Obsolete("Name the device type, such as new Autocast(DeviceType.CPU).", error: true)]
    public Autocast() => throw new NotSupportedException("Expected a device type, got none: new Autocast(DeviceType.CPU).");

    /// <summary>Whether a convolution or matrix product on this thread takes <paramref name="x"/> in another type than its own.</summary>
    internal static bool Casts(Tensor x) =>
        Change.Innermost(x.device_type) is { Enabled: true } && x.dtype is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>
    /// Goes back to what was before, also from those that were made inside of it and not disposed. A second time does nothing, as does that of a
    /// <c>default</c> one.
    /// </summary>
    public void Dispose() => _change?.Undo();

    /// <summary>What an Autocast has changed on its thread. All copies of the struct share it.</summary>
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
            _previousType = NativeAutocast.Type(deviceType);
            NativeAutocast.Set(deviceType, type, enabled);
            NativeAutocast.IncrementNesting();
            innermost = this;
        }

        public bool Enabled { get; }

        public static Change? Innermost(DeviceType deviceType)
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
                innermost!.Undo(); // made inside and not disposed: otherwise the thread would stay in 16 bits

            _undone = true;
            innermost = _outer;
            if (NativeAutocast.DecrementNesting() == 0)
                NativeAutocast.ClearCache(); // of the weights in 16 bits, which the optimizer is about to change
            NativeAutocast.Set(_deviceType, _previousType, _wasEnabled);
        }
    }
}
