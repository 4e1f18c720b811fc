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
/// <para>It holds for the thread that made it and is disposed there. Autocasts nest. Source:
/// <see href="https://docs.pytorch.org/docs/stable/amp.html">Automatic Mixed Precision</see>, and
/// Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740).</para>
/// </remarks>
public sealed class Autocast : IDisposable
{
    [ThreadStatic]
    private static Autocast? innermost;

    private readonly Autocast? _outer = innermost;
    private readonly DeviceType _deviceType;
    private readonly bool _enabled, _wasEnabled;
    private readonly ScalarType _previousType;
    private bool _disposed;

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

        (_deviceType, _enabled) = (device_type, enabled);
        _wasEnabled = NativeAutocast.IsEnabled(device_type);
        _previousType = NativeAutocast.Type(device_type);
        NativeAutocast.Set(device_type, type, enabled);
        NativeAutocast.IncrementNesting();
        innermost = this;
    }

    /// <summary>Whether a convolution or matrix product on this thread takes <paramref name="x"/> in another type than its own.</summary>
    internal static bool Casts(Tensor x)
    {
        var autocast = innermost;
        while (autocast is not null && autocast._deviceType != x.device_type)
            autocast = autocast._outer;
        return autocast is { _enabled: true } && x.dtype is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;
    }

    /// <summary>Goes back to what was before.</summary>
    /// <exception cref="InvalidOperationException">It is another thread's, or one inside of it is not disposed yet.</exception>
    public void Dispose()
    {
        if (_disposed) return;
        if (innermost != this)
            throw new InvalidOperationException("Expected to be disposed on the thread that made it, and after those made inside of it: an Autocast does not span an await.");

        _disposed = true;
        innermost = _outer;
        if (NativeAutocast.DecrementNesting() == 0)
            NativeAutocast.ClearCache(); // of the weights in 16 bits, which the optimizer is about to change
        NativeAutocast.Set(_deviceType, _previousType, _wasEnabled);
    }
}
