using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// The basic residual block, two 3x3 convolutions and a skip connection: <c>y = F(x, W) + x</c>.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), equations (1) and (2) and
/// Figure 5 left; torchvision calls it <c>torchvision.models.resnet.BasicBlock</c>. It reads beside the PyTorch code
/// line by line, and for the same <c>torch.manual_seed</c> has the same initial weights on the CPU, bit for bit.</para>
/// <para>A subclass with submodules of its own ends its constructor with <c>RegisterComponents()</c>, as every TorchSharp module does.</para>
/// </remarks>
public class BasicBlock : nn.Module<Tensor, Tensor>
{
    /// <summary>3x3 convolution with the block's stride, <c>in_channels</c> to <c>out_channels</c>, without bias.</summary>
    public readonly Conv2d conv1;

    /// <summary>Batch normalisation of <see cref="conv1"/>'s output.</summary>
    public readonly BatchNorm2d bn1;

    /// <summary>3x3 convolution with stride 1, <c>out_channels</c> to <c>out_channels</c>, without bias.</summary>
    public readonly Conv2d conv2;

    /// <summary>Batch normalisation of <see cref="conv2"/>'s output.</summary>
    public readonly BatchNorm2d bn2;

    /// <summary>
    /// The skip connection: empty, which is the identity, where input and output have the same shape; otherwise a 1x1
    /// convolution with the block's stride and a batch normalisation (option B of the paper, section 3.3).
    /// </summary>
    public readonly Sequential shortcut;

    /// <summary>Makes a block with PyTorch's default initialisation, drawn from TorchSharp's global generator.</summary>
    /// <param name="in_channels">Channels of the input, at least 1.</param>
    /// <param name="out_channels">Channels of the output, at least 1.</param>
    /// <param name="stride">Stride of the first convolution and of the shortcut, in pixels, from 1 to 2,147,483,647.</param>
    /// <param name="device">Where the weights are made; the default device if null.</param>
    /// <param name="dtype">Floating-point type of the weights; the default type if null.</param>
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

    /// <summary>The residual connection <c>relu(F(x, W) + shortcut(x))</c>.</summary>
    /// <param name="x">Shape <c>(N, in_channels, H, W)</c>, of the weights' type and on their device. N may be 0.</param>
    /// <returns>Shape <c>(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)</c>. The caller owns it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> has another shape, type or device than the block takes, or would leave a single value per
    /// channel to a batch normalisation in training mode, whose variance is then undefined.
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
