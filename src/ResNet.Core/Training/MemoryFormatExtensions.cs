using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>x.to(memory_format=…)</c> and <c>model.to(memory_format=…)</c>, which TorchSharp lacks: the memory layout of images and convolution weights,
/// shape (N, C, H, W).
/// </summary>
/// <remarks>
/// Channels-last stores the channels of a pixel together. Shapes and results stay the same; only the speed differs.
/// Source: <see href="https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html">Channels Last Memory Format</see>.
/// </remarks>
public static class MemoryFormatExtensions
{
    /// <summary>Returns a tensor in the given memory format, without copying if it has that format already.</summary>
    /// <param name="x">The tensor, shape (N, C, H, W); any shape for <see cref="memory_format.contiguous_format"/>.</param>
    /// <param name="format">The memory format, contiguous or channels-last.</param>
    /// <returns>The tensor in that format. The caller owns it.</returns>
    /// <exception cref="ArgumentException"><paramref name="format"/> is another format, or is channels-last and <paramref name="x"/> does not have four dimensions.</exception>
    public static Tensor ToMemoryFormat(this Tensor x, memory_format format)
    {
        ArgumentNullException.ThrowIfNull(x);
        switch (format)
        {
            case memory_format.contiguous_format:
                return x.contiguous();
            case memory_format.channels_last when x.dim() == 4:
                using (var channelsLast = x.permute(0, 2, 3, 1))
                using (var copy = channelsLast.contiguous())
                    return copy.permute(0, 3, 1, 2);
            case memory_format.channels_last:
                throw new ArgumentException($"Expected a tensor of shape (N, C, H, W), got ({string.Join(", ", x.shape)}).", nameof(x));
            default:
                throw new ArgumentException($"Expected {nameof(memory_format.contiguous_format)} or {nameof(memory_format.channels_last)}, got {format}.", nameof(format));
        }
    }

    /// <summary>
    /// Converts the convolution weights of a module and their gradients in place. Parameters remain the same objects, so an optimizer continues to work, and the
    /// format persists through training, saving and loading.
    /// </summary>
    /// <param name="module">The module whose parameters and buffers of four dimensions are converted.</param>
    /// <param name="format">The memory format, contiguous or channels-last.</param>
    /// <returns>The module itself.</returns>
    /// <exception cref="ArgumentException"><paramref name="format"/> is another format.</exception>
    public static T ToMemoryFormat<T>(this T module, memory_format format) where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        using var _ = no_grad();
        foreach (var tensor in module.parameters().Concat(module.buffers()).Where(tensor => tensor.dim() == 4))
        {
            using var ordered = tensor.ToMemoryFormat(format);
            tensor.set_(ordered); // the same object, other memory
            if (tensor.grad is { } gradient)
                using (gradient)
                using (var orderedGradient = gradient.ToMemoryFormat(format))
                    tensor.grad = orderedGradient;
        }
        return module;
    }
}
