using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// PyTorch's <c>x.to(memory_format=…)</c> and <c>model.to(memory_format=…)</c>, which TorchSharp lacks: in which order the numbers of
/// pictures and convolution weights, shape (N, C, H, W), lie in memory.
/// </summary>
/// <remarks>
/// Channels-last keeps the channels of a pixel together. What a layer computes is the same, its shape too; the speed is not.
/// Source: <see href="https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html">Channels Last Memory Format</see>.
/// </remarks>
public static class MemoryFormatExtensions
{
    /// <summary>The tensor with its numbers in that order: itself where they are already, otherwise a copy.</summary>
    /// <param name="x">Shape (N, C, H, W); any shape for <see cref="memory_format.contiguous_format"/>.</param>
    /// <param name="format">Contiguous or channels-last.</param>
    /// <exception cref="ArgumentException">Another format, or a tensor that does not have four dimensions.</exception>
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
    /// Orders the weights of convolutions that way, and the gradients that they have. Parameters stay the objects they are, so that an
    /// optimizer goes on with them, and the format stays through training, saving and loading.
    /// </summary>
    /// <param name="module">Its parameters and buffers of four dimensions are ordered.</param>
    /// <param name="format">Contiguous or channels-last.</param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">Another format.</exception>
    public static T ToMemoryFormat<T>(this T module, memory_format format) where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        using var _ = no_grad();
        foreach (var tensor in module.parameters().Concat(module.buffers()).Where(tensor => tensor.dim() == 4))
        {
            using var ordered = tensor.ToMemoryFormat(format);
            tensor.set_(ordered); // the same object with other memory
            if (tensor.grad is { } gradient)
                using (gradient)
                using (var orderedGradient = gradient.ToMemoryFormat(format))
                    tensor.grad = orderedGradient;
        }
        return module;
    }
}
