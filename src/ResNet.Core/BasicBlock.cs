using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// The basic residual block, two 3x3 convolutions and a skip connection: <c>y = F(x, W) + x</c>.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), equations (1) and (2) and
/// Figure 5 left; <c>torchvision.models.resnet.BasicBlock</c> in torchvision. The code mirrors the PyTorch code line by line. On the CPU, the same
/// <c>torch.manual_seed</c> gives the same initial weights, bit for bit.</para>
/// <para>A subclass with its own submodules must end its constructor with <c>RegisterComponents()</c>, like every TorchSharp module.</para>
/// </remarks>
public class BasicBlock : nn.Module<Tensor, Tensor>
{
    /// <summary>The 3x3 convolution with the block's stride, <c>in_channels</c> to <c>out_channels</c>, without bias.</summary>
    public readonly Conv2d conv1;

    /// <summary>The batch norm of <see cref="conv1"/>'s output.</summary>
    public readonly BatchNorm2d bn1;

    /// <summary>The 3x3 convolution with stride 1, <c>out_channels</c> to <c>out_channels</c>, without bias.</summary>
    public readonly Conv2d conv2;

    /// <summary>The batch norm of <see cref="conv2"/>'s output.</summary>
    public readonly BatchNorm2d bn2;

    /// <summary>
    /// The skip connection: empty (the identity) if input and output have the same shape; otherwise a 1x1 convolution with the block's stride and a
    /// batch norm (option B of the paper, section 3.3).
    /// </summary>
    public readonly Sequential shortcut;

    /// <summary>Creates a block with PyTorch's default initialization, drawn from TorchSharp's global generator.</summary>
    /// <param name="in_channels">The number of input channels, at least 1.</param>
    /// <param name="out_channels">The number of output channels, at least 1.</param>
    /// <param name="stride">The stride of the first convolution and of the shortcut, in pixels, from 1 to 2,147,483,647.</param>
    /// <param name="device">The device of the weights; the default device if null.</param>
    /// <param name="dtype">The floating-point type of the weights; the default type if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1, or <paramref name="stride"/> is larger than 2,147,483,647.</exception>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is not a floating-point type.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    public BasicBlock(long in_channels, long out_channels, long stride = 1, Device? device = null, ScalarType? dtype = null)
        : base(nameof(BasicBlock))
    {
        Guard.AtLeastOne(in_channels);
        Guard.AtLeastOne(out_channels);
        Guard.Stride(stride);
        Guard.Placement(device, dtype);

        conv1 = nn.Conv2d(in_channels, out_channels, kernel_size: 3, stride: stride, padding: 1, bias: false, device: device, dtype: dtype);
        bn1 = nn.BatchNorm2d(out_channels, device: device, dtype: dtype);
        conv2 = nn.Conv2d(out_channels, out_channels, kernel_size: 3, stride: 1, padding: 1, bias: false, device: device, dtype: dtype);
        bn2 = nn.BatchNorm2d(out_channels, device: device, dtype: dtype);

        // Where input and output differ in shape, a 1x1 convolution adjusts it
        shortcut = nn.Sequential();
        if (stride != 1 || in_channels != out_channels)
        {
            shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size: 1, stride: stride, bias: false, device: device, dtype: dtype),
                nn.BatchNorm2d(out_channels, device: device, dtype: dtype));
        }

        this.Register(
            (nameof(conv1), conv1), (nameof(bn1), bn1), (nameof(conv2), conv2), (nameof(bn2), bn2), (nameof(shortcut), shortcut));
    }

    /// <summary>Computes <c>relu(F(x, W) + shortcut(x))</c>.</summary>
    /// <param name="x">The input, shape <c>(N, in_channels, H, W)</c>, with the type and device of the weights. N may be 0.</param>
    /// <returns>The output, shape <c>(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)</c>. The caller owns it.</returns>
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

        var @out = scope.Keep(F.relu(bn1.call(conv1.call(x))));
        @out = scope.Keep(bn2.call(conv2.call(@out)));
        @out = scope.Keep(@out.add_(shortcut.call(x))); // the skip connection
        @out = scope.Keep(F.relu(@out));
        return @out.MoveToOuterDisposeScope();
    }
}
