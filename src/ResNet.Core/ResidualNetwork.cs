using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core;

/// <summary>
/// A residual network of any depth and width: a stem, four layers of residual blocks, average pooling and a linear classifier.
/// </summary>
/// <remarks>
/// <para>He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), Table 1;
/// <c>torchvision.models.ResNet</c> in torchvision. Submodules have torchvision's names, except that a block's <c>downsample</c> is called <c>shortcut</c>.</para>
/// <para><see cref="ResNet18"/> has the initialization of the PyTorch code that it mirrors, which is PyTorch's default. All other networks have torchvision's:
/// <c>kaiming_normal_</c> with <c>mode="fan_out"</c> for convolutions, one and zero for batch norms. The same <c>torch.manual_seed</c> gives
/// the same initial weights as in Python, bit for bit, but only on the CPU.</para>
/// <para>A new network is in training mode, as in PyTorch. Call <c>eval()</c> before making predictions.</para>
/// <para>A subclass with its own submodules must end its constructor with <c>RegisterComponents()</c>, like every TorchSharp module, and must give them new
/// names. A submodule that hides <see cref="fc"/> would not be registered, and would be neither trained nor saved.</para>
/// </remarks>
public abstract class ResidualNetwork : nn.Module<Tensor, Tensor>
{
    // The backing fields carry the submodules' names, so that RegisterComponents() in a subclass recognizes them as registered.

    /// <summary>The first layers of this network.</summary>
    public Stem Stem { get; }

    /// <summary>The stem's convolution, 3 to 64 channels, without bias.</summary>
    [field: ComponentName(Name = nameof(conv1))]
    public Conv2d conv1 { get; private protected init; } = null!;

    /// <summary>The batch norm of <see cref="conv1"/>'s output.</summary>
    [field: ComponentName(Name = nameof(bn1))]
    public BatchNorm2d bn1 { get; private protected init; } = null!;

    /// <summary>The stem's 3x3 max-pooling with stride 2; null if the stem has none.</summary>
    [field: ComponentName(Name = nameof(maxpool))]
    public MaxPool2d? maxpool { get; }

    /// <summary>The first layer of blocks, with stride 1.</summary>
    [field: ComponentName(Name = nameof(layer1))]
    public Sequential layer1 { get; private protected init; } = null!;

    /// <summary>The second layer, twice as wide as the first. Its first block has stride 2.</summary>
    [field: ComponentName(Name = nameof(layer2))]
    public Sequential layer2 { get; private protected init; } = null!;

    /// <summary>The third layer, four times as wide as the first. Its first block has stride 2.</summary>
    [field: ComponentName(Name = nameof(layer3))]
    public Sequential layer3 { get; private protected init; } = null!;

    /// <summary>The fourth layer, eight times as wide as the first. Its first block has stride 2.</summary>
    [field: ComponentName(Name = nameof(layer4))]
    public Sequential layer4 { get; private protected init; } = null!;

    /// <summary>Global average pooling to 1x1, which allows images of any size.</summary>
    [field: ComponentName(Name = nameof(avgpool))]
    public AdaptiveAvgPool2d avgpool { get; private protected init; } = null!;

    /// <summary>The classifier, from the channels of <c>layer4</c> to <c>num_classes</c> logits.</summary>
    [field: ComponentName(Name = nameof(fc))]
    public Linear fc { get; private protected init; } = null!;

    /// <summary>For a subclass whose constructor creates the layers and ends with <see cref="RegisterLayers"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="stem"/> is not a defined value.</exception>
    private protected ResidualNetwork(string name, Stem stem)
        : base(name)
    {
        Guard.Defined(stem);
        Stem = stem;
        if (stem == Stem.Conv7MaxPool)
            maxpool = nn.MaxPool2d(kernel_size: 3, stride: 2, padding: 1);
    }

    /// <summary>Creates torchvision's network with torchvision's initial weights.</summary>
    /// <param name="name">The name of the network.</param>
    /// <param name="block">The kind of its blocks.</param>
    /// <param name="layers">The numbers of blocks in the four layers.</param>
    /// <param name="num_classes">The number of classes, at least 1.</param>
    /// <param name="stem">The first layers.</param>
    /// <param name="device">The device of the weights; the default device if null.</param>
    /// <param name="dtype">The floating-point type of the weights; the default type if null.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="num_classes"/> is less than 1, or <paramref name="stem"/> is not a defined value.</exception>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is not a floating-point type.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    private protected ResidualNetwork(string name, BlockKind block, int[] layers, long num_classes, Stem stem, Device? device, ScalarType? dtype)
        : this(name, stem)
    {
        Guard.AtLeastOne(num_classes);
        Guard.Placement(device, dtype);

        var in_channels = 64L;
        conv1 = stem == Stem.Conv3
            ? nn.Conv2d(3, in_channels, kernel_size: 3, stride: 1, padding: 1, bias: false, device: device, dtype: dtype)
            : nn.Conv2d(3, in_channels, kernel_size: 7, stride: 2, padding: 3, bias: false, device: device, dtype: dtype);
        bn1 = nn.BatchNorm2d(in_channels, device: device, dtype: dtype);
        layer1 = _make_layer(64, layers[0], stride: 1);
        layer2 = _make_layer(128, layers[1], stride: 2);
        layer3 = _make_layer(256, layers[2], stride: 2);
        layer4 = _make_layer(512, layers[3], stride: 2);
        avgpool = nn.AdaptiveAvgPool2d((1, 1));
        fc = nn.Linear(in_channels, num_classes, device: device, dtype: dtype);
        RegisterLayers();

        // A new batch norm has weight 1 and bias 0 already.
        foreach (var conv in modules().OfType<Conv2d>())
            nn.init.kaiming_normal_(conv.weight!, mode: nn.init.FanInOut.FanOut, nonlinearity: nn.init.NonlinearityType.ReLU);

        Sequential _make_layer(long planes, int blocks, long stride)
        {
            var modules = new List<nn.Module<Tensor, Tensor>>();
            for (var i = 0; i < blocks; i++)
            {
                modules.Add(block.Make(in_channels, planes, i == 0 ? stride : 1, device, dtype));
                in_channels = planes * block.expansion;
            }
            return nn.Sequential(modules);
        }
    }

    /// <summary>Registers the layers under their names, in the order of the forward pass.</summary>
    private protected void RegisterLayers()
    {
        this.Register((nameof(conv1), conv1), (nameof(bn1), bn1));
        if (maxpool is not null)
            this.Register((nameof(maxpool), maxpool));
        this.Register(
            (nameof(layer1), layer1), (nameof(layer2), layer2), (nameof(layer3), layer3), (nameof(layer4), layer4),
            (nameof(avgpool), avgpool), (nameof(fc), fc));
    }

    /// <summary>
    /// Computes the feature map of the last layer, before pooling, as in timm: for custom heads and detection. The features for similarity search are
    /// <c>flatten(avgpool(forward_features(x)), 1)</c>.
    /// </summary>
    /// <param name="x">The images, shape <c>(N, 3, H, W)</c>, with the type and device of the weights. N may be 0; H and W must be at least 1.</param>
    /// <returns>
    /// The feature map, shape <c>(N, C, H', W')</c>. C is the <c>in_features</c> of <see cref="fc"/>; <see cref="Core.Stem"/> says how height and width
    /// are reduced. The caller owns it.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> does not have the shape, type or device that the network expects, or would leave a batch norm in training mode a single value
    /// per channel, whose variance is undefined.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network or <paramref name="x"/> was disposed.</exception>
    public Tensor forward_features(Tensor x)
    {
        Guard.Input(this, x);
        using var scope = NewDisposeScope();

        x = scope.Keep(F.relu(bn1.call(conv1.call(x)), inplace: true));
        if (maxpool is not null)
            x = scope.Keep(maxpool.call(x));
        x = scope.Keep(layer1.call(x));
        x = scope.Keep(layer2.call(x));
        x = scope.Keep(layer3.call(x));
        x = scope.Keep(layer4.call(x));
        return x.MoveToOuterDisposeScope();
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
        using var scope = NewDisposeScope();

        x = scope.Keep(forward_features(x));
        x = scope.Keep(avgpool.call(x));
        x = scope.Keep(flatten(x, 1));
        x = scope.Keep(fc.call(x));
        return x.MoveToOuterDisposeScope();
    }
}
