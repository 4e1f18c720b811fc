using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Checks arguments and inputs. Each exception says what was expected and what it got.</summary>
internal static class Guard
{
    public static void AtLeastOne(long value, [CallerArgumentExpression(nameof(value))] string? name = null) =>
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, name);

    /// <summary>Throws unless a name survives a round trip through a file.</summary>
    public static void Name(string value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, name);
        if (!IsUnicode(value) || value.Contains('\0'))
            throw new ArgumentException("Expected a name that is valid Unicode, without a null character.", name);
    }

    /// <summary>Whether a string is valid Unicode, without unpaired surrogates.</summary>
    public static bool IsUnicode(string text)
    {
        for (var i = 0; i < text.Length; i++)
            if (char.IsSurrogate(text[i]) && !char.IsSurrogatePair(text, i++))
                return false;
        return true;
    }

    /// <summary>oneDNN and cuDNN count in 32 bits. A larger stride would crash the process or divide by zero.</summary>
    public static void Stride(long stride)
    {
        AtLeastOne(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, int.MaxValue);
    }

    public static void Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            throw new ArgumentOutOfRangeException(name, value, $"Expected one of {string.Join(", ", Enum.GetNames<T>())}.");
    }

    /// <summary>Throws unless weights can be created on the device in the type.</summary>
    public static void Placement(Device? device, ScalarType? dtype)
    {
        if (dtype is { } type and not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentException($"Expected a floating-point type (Float16, BFloat16, Float32, Float64), got {type}.", nameof(dtype));
        if (device?.type == DeviceType.CUDA && !(cuda.is_available() && device.index < cuda.device_count()))
            throw new InvalidOperationException($"Expected an available device, got {device}: libtorch finds {cuda.device_count()} CUDA device(s) here. {DescribeRemedy()}");
    }

    private static string DescribeRemedy() =>
        cuda.is_available() ? $"They are cuda:0 to cuda:{cuda.device_count() - 1}."
        : NativeLibrary.TryLoad("torch_cuda", typeof(torch).Assembly, null, out _)
            ? "Its CUDA library is present, so a GPU or a recent enough driver is missing: nvidia-smi shows both, and the CUDA version that the driver supports."
        : $"Its CUDA library is missing or does not load: {CudaPackage.Advise(Version.Parse(__version__).ToString(3))}";

    /// <summary>Throws unless <paramref name="module"/> accepts <paramref name="x"/>, before any running statistic changes.</summary>
    /// <param name="module">A block or a network, which starts with a convolution.</param>
    /// <param name="x">The input.</param>
    public static void Input(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        InputInEvalMode(module, x);
        if (x.shape[0] == 1)
            SinglePixel.Refuse(module, x);
    }

    /// <summary>Throws unless <paramref name="module"/> accepts <paramref name="x"/> in eval mode.</summary>
    /// <param name="module">A block or a network, which starts with a convolution.</param>
    /// <param name="x">The input.</param>
    public static void InputInEvalMode(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        var first = module.children().OfType<Conv2d>().First();
        Input(module, first.weight, first.in_channels, x);
    }

    /// <summary>Throws unless <paramref name="x"/> has the shape (N, <paramref name="channels"/>, H, W) and the type and device of <paramref name="weight"/>.</summary>
    public static void Input(nn.Module module, Tensor? weight, long channels, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        ObjectDisposedException.ThrowIf(weight is null or { IsInvalid: true }, module);
        if (x.IsInvalid)
            throw new ObjectDisposedException(nameof(x), $"The input of {module.GetName()} was disposed before the call.");

        var shape = x.shape;
        if (shape.Length != 4 || shape[1] != channels || shape[2] < 1 || shape[3] < 1)
            throw Unexpected($"an input of shape (N, {channels}, H, W) with H and W at least 1", $"({string.Join(", ", shape)})");
        if (x.dtype != weight.dtype && !Autocast.Casts(x))
            throw Unexpected($"an input of its weights' type {weight.dtype}", $"{x.dtype}");
        if (x.device_type != weight.device_type || x.device_index != weight.device_index)
            throw Unexpected($"an input on its weights' device {weight.device}", $"{x.device}");

        ArgumentException Unexpected(string expected, string got) => new($"{module.GetName()} expected {expected}, got {got}.", nameof(x));
    }
}
