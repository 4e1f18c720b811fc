using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// The bottleneck block: a 1x1 convolution that reduces the channels, a 3x3 convolution, a 1x1 convolution that restores the channels, and a skip connection.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), Figure 5 right. As in
/// <c>torchvision.models.resnet.Bottleneck</c>, the 3x3 convolution has the stride, not the first 1x1 convolution as in the paper ("ResNet v1.5").
/// With <c>groups</c> it is the block of ResNeXt (arXiv:1611.05431), with twice the <c>base_width</c> that of Wide ResNet (arXiv:1605.07146).</para>
/// <para>A new block has PyTorch's default initialization. As in torchvision, the ReLUs work in place, so a batch norm's output that a forward hook stores
/// changes afterwards.</para>
/// <para>A subclass with its own submodules must end its constructor with <c>RegisterComponents()</c>, like every TorchSharp module.</para>
/// </remarks>
public class Bottleneck : nn.Module<Tensor, Tensor>
{
    /// <summary>The number of output channels divided by <c>planes</c>.</summary>
    public const long expansion = 4;

    private const long MaxStride = 1024; // at some thousands, oneDNN's backward pass crashes the process

    /// <summary>The 1x1 convolution, <c>in_channels</c> to the block's width, without bias.</summary>
    public readonly Conv2d conv1;

    /// <summary>The batch norm of <see cref="conv1"/>'s output.</summary>
    public readonly BatchNorm2d bn1;

    /// <summary>The 3x3 convolution with the block's stride and groups, without bias.</summary>
    public readonly Conv2d conv2;

    /// <summary>The batch norm of <see cref="conv2"/>'s output.</summary>
    public readonly BatchNorm2d bn2;

    /// <summary>The 1x1 convolution, the block's width to <c>4 planes</c>, without bias.</summary>
    public readonly Conv2d conv3;

    /// <summary>The batch norm of <see cref="conv3"/>'s output.</summary>
    public readonly BatchNorm2d bn3;

    /// <summary>
    /// The skip connection: empty (the identity) if input and output have the same shape; otherwise a 1x1 convolution with the block's stride and a
    /// batch norm. <c>downsample</c> in torchvision.
    /// </summary>
    public readonly Sequential shortcut;

    /// <summary>Creates a block with PyTorch's default initialization, drawn from TorchSharp's global generator.</summary>
    /// <param name="in_channels">The number of input channels, at least 1.</param>
    /// <param name="planes">A quarter of the number of output channels, at least 1.</param>
    /// <param name="stride">The stride of the 3x3 convolution and of the shortcut, in pixels, from 1 to 1,024.</param>
    /// <param name="groups">The number of groups of the 3x3 convolution, at least 1.</param>
    /// <param name="base_width">The channels of each group if <paramref name="planes"/> is 64. The block's width is <c>⌊planes base_width / 64⌋ groups</c>.</param>
    /// <param name="device">The device of the weights; the default device if null.</param>
    /// <param name="dtype">The floating-point type of the weights; the default type if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number or the width is less than 1; <paramref name="stride"/> is larger than 1,024; or the width or the number of output channels is larger than 2,147,483,647.</exception>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is not a floating-point type.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    public Bottleneck(
        long in_channels, long planes, long stride = 1, long groups = 1, long base_width = 64, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Bottleneck))
    {
        Guard.AtLeastOne(in_channels);
        Guard.AtLeastOne(planes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(planes, int.MaxValue / expansion);
        Guard.AtLeastOne(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, MaxStride);
        Guard.AtLeastOne(groups);
        Guard.AtLeastOne(base_width);
        Guard.Placement(device, dtype);

        var width = ComputeWidth(planes, groups, base_width);
        var out_channels = planes * expansion;

        conv1 = nn.Conv2d(in_channels, width, kernel_size: 1, bias: false, device: device, dtype: dtype);
        bn1 = nn.BatchNorm2d(width, device: device, dtype: dtype);
        conv2 = nn.Conv2d(width, width, kernel_size: 3, stride: stride, padding: 1, groups: groups, bias: false, device: device, dtype: dtype);
        bn2 = nn.BatchNorm2d(width, device: device, dtype: dtype);
        conv3 = nn.Conv2d(width, out_channels, kernel_size: 1, bias: false, device: device, dtype: dtype);
        bn3 = nn.BatchNorm2d(out_channels, device: device, dtype: dtype);

        // Where input and output differ in shape, a 1x1 convolution adjusts it
        shortcut = nn.Sequential();
        if (stride != 1 || in_channels != out_channels)
        {
            shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size: 1, stride: stride, bias: false, device: device, dtype: dtype),
                nn.BatchNorm2d(out_channels, device: device, dtype: dtype));
        }

        this.Register(
            (nameof(conv1), conv1), (nameof(bn1), bn1), (nameof(conv2), conv2), (nameof(bn2), bn2),
            (nameof(conv3), conv3), (nameof(bn3), bn3), (nameof(shortcut), shortcut));
    }

    private static long ComputeWidth(long planes, long groups, long base_width)
    {
        var width = (Int128)(long)(planes * (base_width / 64.0)) * groups;
        return width >= 1 && width <= int.MaxValue ? (long)width : throw new ArgumentOutOfRangeException(
            nameof(base_width), base_width, $"Expected a width ⌊planes base_width / 64⌋ groups from 1 to {int.MaxValue}, got {width} with planes = {planes} and groups = {groups}.");
    }

    /// <summary>Computes <c>relu(F(x, W) + shortcut(x))</c>.</summary>
    /// <param name="x">The input, shape <c>(N, in_channels, H, W)</c>, with the type and device of the weights. N may be 0.</param>
    /// <returns>The output, shape <c>(N, 4 planes, ⌈H / stride⌉, ⌈W / stride⌉)</c>. The caller owns it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> does not have the shape, type or device that the block expects, or would leave a batch norm in training mode a single value
    /// per channel, whose variance is undefined.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The block or <paramref name="x"/> was disposed.</exception>
    public override Tensor forward(Tensor x)
    {
        Guard.Input(this, x);
        using var scope = NewDisposeScope();

        // In place, as in torchvision: saves the memory of the ReLU outputs
        var @out = scope.Keep(F.relu(bn1.call(conv1.call(x)), inplace: true));
        @out = scope.Keep(F.relu(bn2.call(conv2.call(@out)), inplace: true));
        @out = scope.Keep(bn3.call(conv3.call(@out)));
        @out = scope.Keep(@out.add_(shortcut.call(x))); // the skip connection
        @out = scope.Keep(F.relu(@out, inplace: true));
        return @out.MoveToOuterDisposeScope();
    }
}
