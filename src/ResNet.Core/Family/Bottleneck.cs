using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// The bottleneck block: a 1x1 convolution that reduces the channels, a 3x3 one, a 1x1 one that restores them, and a skip connection.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), Figure 5 right. As in torchvision's
/// <c>torchvision.models.resnet.Bottleneck</c> the 3x3 convolution has the stride, not the first 1x1 one as in the paper ("ResNet v1.5").
/// With <c>groups</c> it is the block of ResNeXt (arXiv:1611.05431), with twice the <c>base_width</c> that of Wide ResNet (arXiv:1605.07146).</para>
/// <para>A new block has PyTorch's default initialization. As in torchvision its ReLUs work in place: a forward hook that keeps a batch norm's output
/// finds it changed afterwards.</para>
/// <para>A subclass with submodules of its own ends its constructor with <c>RegisterComponents()</c>, as every TorchSharp module does.</para>
/// </remarks>
public class Bottleneck : nn.Module<Tensor, Tensor>
{
    /// <summary>How many times its <c>planes</c> the block has output channels.</summary>
    public const long expansion = 4;

    private const long MostStride = 1024; // from some thousands on, oneDNN's backward pass ends the process

    /// <summary>1x1 convolution, <c>in_channels</c> to the block's width, without bias.</summary>
    public readonly Conv2d conv1;

    /// <summary>Batch norm of <see cref="conv1"/>'s output.</summary>
    public readonly BatchNorm2d bn1;

    /// <summary>3x3 convolution with the block's stride and groups, without bias.</summary>
    public readonly Conv2d conv2;

    /// <summary>Batch norm of <see cref="conv2"/>'s output.</summary>
    public readonly BatchNorm2d bn2;

    /// <summary>1x1 convolution, the block's width to <c>4 planes</c>, without bias.</summary>
    public readonly Conv2d conv3;

    /// <summary>Batch norm of <see cref="conv3"/>'s output.</summary>
    public readonly BatchNorm2d bn3;

    /// <summary>
    /// The skip connection: empty, which is the identity, where input and output have the same shape; otherwise a 1x1
    /// convolution with the block's stride and a batch norm. torchvision calls it <c>downsample</c>.
    /// </summary>
    public readonly Sequential shortcut;

    /// <summary>Makes a block with PyTorch's default initialization, drawn from TorchSharp's global generator.</summary>
    /// <param name="in_channels">Channels of the input, at least 1.</param>
    /// <param name="planes">A quarter of the output's channels, at least 1.</param>
    /// <param name="stride">Stride of the 3x3 convolution and of the shortcut, in pixels, from 1 to 1,024.</param>
    /// <param name="groups">Groups of the 3x3 convolution, at least 1.</param>
    /// <param name="base_width">Channels of each group where <paramref name="planes"/> is 64; the width is <c>⌊planes base_width / 64⌋ groups</c>.</param>
    /// <param name="device">Where the weights are made; the default device if null.</param>
    /// <param name="dtype">Floating-point type of the weights; the default type if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1, or so is the width; <paramref name="stride"/> is larger than 1,024; or the width or the output's channels are more than 2,147,483,647.</exception>
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
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, MostStride);
        Guard.AtLeastOne(groups);
        Guard.AtLeastOne(base_width);
        Guard.Placement(device, dtype);

        var width = Width(planes, groups, base_width);
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

    private static long Width(long planes, long groups, long base_width)
    {
        var width = (Int128)(long)(planes * (base_width / 64.0)) * groups;
        return width >= 1 && width <= int.MaxValue ? (long)width : throw new ArgumentOutOfRangeException(
            nameof(base_width), base_width, $"Expected a width ⌊planes base_width / 64⌋ groups from 1 to {int.MaxValue}, got {width} with planes = {planes} and groups = {groups}.");
    }

    /// <summary>The residual connection <c>relu(F(x, W) + shortcut(x))</c>.</summary>
    /// <param name="x">Shape <c>(N, in_channels, H, W)</c>, of the weights' type and on their device. N may be 0.</param>
    /// <returns>Shape <c>(N, 4 planes, ⌈H / stride⌉, ⌈W / stride⌉)</c>. The caller owns it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> has another shape, type or device than the block takes, or would leave a single value per
    /// channel to a batch norm in training mode, whose variance is then undefined.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The block or <paramref name="x"/> was disposed.</exception>
    public override Tensor forward(Tensor x)
    {
        Guard.Input(this, x);
        using var scope = NewDisposeScope();

        // In place, as in torchvision: a ReLU needs no memory of its own
        var @out = scope.Keep(F.relu(bn1.call(conv1.call(x)), inplace: true));
        @out = scope.Keep(F.relu(bn2.call(conv2.call(@out)), inplace: true));
        @out = scope.Keep(bn3.call(conv3.call(@out)));
        @out = scope.Keep(@out.add_(shortcut.call(x))); // the skip connection
        @out = scope.Keep(F.relu(@out, inplace: true));
        return @out.MoveToOuterDisposeScope();
    }
}
