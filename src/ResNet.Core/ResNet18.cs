using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// The 18-layer residual network: a stem, four layers of two <see cref="BasicBlock"/>s, average pooling and a linear classifier.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), Table 1;
/// <c>torchvision.models.resnet18</c> in torchvision. The code mirrors the PyTorch code line by line; the <see cref="Core.Stem"/> is the only addition. On
/// the CPU, the same <c>torch.manual_seed</c> gives the same initial weights, bit for bit. The <c>state_dict</c> has the same names.</para>
/// <para>A new network is in training mode, as in PyTorch. Call <c>eval()</c> before making predictions.</para>
/// <para>A subclass with its own submodules must end its constructor with <c>RegisterComponents()</c>, like every TorchSharp module.</para>
/// </remarks>
public class ResNet18 : ResidualNetwork
{
    /// <summary>Creates a network with PyTorch's default initialization, drawn from TorchSharp's global generator.</summary>
    /// <param name="num_classes">The number of classes, at least 1.</param>
    /// <param name="stem">The first layers; by default those of the mirrored PyTorch code.</param>
    /// <param name="device">The device of the weights; the default device if null.</param>
    /// <param name="dtype">The floating-point type of the weights; the default type if null.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="num_classes"/> is less than 1, or <paramref name="stem"/> is not a defined value.</exception>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is not a floating-point type.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    public ResNet18(long num_classes = 1000, Stem stem = Stem.Conv7, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResNet18), stem)
    {
        Guard.AtLeastOne(num_classes);
        Guard.Placement(device, dtype);

        conv1 = stem == Stem.Conv3
            ? nn.Conv2d(3, 64, kernel_size: 3, stride: 1, padding: 1, bias: false, device: device, dtype: dtype)
            : nn.Conv2d(3, 64, kernel_size: 7, stride: 2, padding: 3, bias: false, device: device, dtype: dtype);
        bn1 = nn.BatchNorm2d(64, device: device, dtype: dtype);
        layer1 = _make_layer(64, 64, 2, stride: 1, device, dtype);
        layer2 = _make_layer(64, 128, 2, stride: 2, device, dtype);
        layer3 = _make_layer(128, 256, 2, stride: 2, device, dtype);
        layer4 = _make_layer(256, 512, 2, stride: 2, device, dtype);
        avgpool = nn.AdaptiveAvgPool2d((1, 1));
        fc = nn.Linear(512, num_classes, device: device, dtype: dtype);

        RegisterLayers();
    }

    private static Sequential _make_layer(long in_channels, long out_channels, int blocks, long stride, Device? device, ScalarType? dtype)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        layers.Add(new BasicBlock(in_channels, out_channels, stride, device, dtype));
        for (var i = 1; i < blocks; i++)
            layers.Add(new BasicBlock(out_channels, out_channels, device: device, dtype: dtype));
        return nn.Sequential(layers);
    }

    /// <summary>Computes the logits of each class for each image.</summary>
    /// <param name="x">The images, shape <c>(N, 3, H, W)</c>, with the type and device of the weights. N may be 0; H and W must be at least 1.</param>
    /// <returns>The logits before softmax, shape <c>(N, num_classes)</c>. The caller owns them.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> does not have the shape, type or device that the network expects, or would leave a batch norm in training mode a single value
    /// per channel, whose variance is undefined.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network or <paramref name="x"/> was disposed.</exception>
    public override Tensor forward(Tensor x)
    {
        Guard.Input(this, x);
        using var scope = NewDisposeScope();

        x = scope.Keep(F.relu(bn1.call(conv1.call(x))));
        if (maxpool is not null)
            x = scope.Keep(maxpool.call(x));
        x = scope.Keep(layer1.call(x));
        x = scope.Keep(layer2.call(x));
        x = scope.Keep(layer3.call(x));
        x = scope.Keep(layer4.call(x));
        x = scope.Keep(avgpool.call(x));
        x = scope.Keep(flatten(x, 1));
        x = scope.Keep(fc.call(x));
        return x.MoveToOuterDisposeScope();
    }
}
