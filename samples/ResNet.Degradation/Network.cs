using ResNet.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>
/// The paper's network for small images (section 4.2), here for grayscale ones: a 3x3 convolution, three stages of n blocks
/// with 16, 32 and 64 channels, global average pooling and a linear classifier, 6n + 2 layers in all. The blocks are
/// residual or plain; everything else is the same.
/// </summary>
/// <remarks>
/// Where a stage halves the resolution, ResNet.Core's <see cref="BasicBlock"/> uses a 1x1 convolution as its shortcut, the
/// paper's option B. The paper's own networks for CIFAR-10 use option A, which has no parameters.
/// </remarks>
internal sealed class Network : nn.Module<Tensor, Tensor>
{
    public readonly Conv2d conv1;
    public readonly BatchNorm2d bn1;
    public readonly Sequential layer1;
    public readonly Sequential layer2;
    public readonly Sequential layer3;
    public readonly AdaptiveAvgPool2d avgpool;
    public readonly Linear fc;

    /// <param name="kind">The kind of the blocks.</param>
    /// <param name="layers">The number of layers, 6n + 2. As in the paper, the shortcuts' 1x1 convolutions do not count.</param>
    /// <param name="seed">The seed of the initial weights. A plain and a residual network with one seed start with the same weights.</param>
    /// <param name="num_classes">The number of classes.</param>
    /// <param name="device">The network's device. The weights are drawn on the CPU, so that a seed gives the same weights on every device.</param>
    public Network(Kind kind, int layers, int seed, long num_classes = 10, Device? device = null)
        : base($"{kind}{layers}")
    {
        if (layers < 8 || layers % 6 != 2)
            throw new ArgumentOutOfRangeException(nameof(layers), layers, "Expected 6n + 2 layers with n at least 1.");

        var n = (layers - 2) / 6;
        conv1 = nn.Conv2d(1, 16, kernel_size: 3, stride: 1, padding: 1, bias: false);
        bn1 = nn.BatchNorm2d(16);
        layer1 = MakeStage(kind, 16, 16, n, stride: 1);
        layer2 = MakeStage(kind, 16, 32, n, stride: 2);
        layer3 = MakeStage(kind, 32, 64, n, stride: 2);
        avgpool = nn.AdaptiveAvgPool2d((1, 1));
        fc = nn.Linear(64, num_classes);
        RegisterComponents();
        Initialize(seed);
        this.to(device ?? CPU);
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = F.relu(bn1.call(conv1.call(x)));
        x = layer1.call(x);
        x = layer2.call(x);
        x = layer3.call(x);
        x = flatten(avgpool.call(x), 1);
        return fc.call(x).MoveToOuterDisposeScope();
    }

    private static Sequential MakeStage(Kind kind, long in_channels, long out_channels, int blocks, long stride) =>
        nn.Sequential(Enumerable.Range(0, blocks).Select(i => i == 0
            ? MakeBlock(kind, in_channels, out_channels, stride)
            : MakeBlock(kind, out_channels, out_channels, 1)));

    private static nn.Module<Tensor, Tensor> MakeBlock(Kind kind, long in_channels, long out_channels, long stride) =>
        kind == Kind.Residual
            ? new BasicBlock(in_channels, out_channels, stride)
            : new PlainBlock(in_channels, out_channels, stride);

    /// <summary>
    /// Draws the paper's initial weights, from He et al. (arXiv:1502.01852). The shortcuts' convolutions come last, so that
    /// a plain and a residual network with one seed differ in nothing else.
    /// </summary>
    private void Initialize(int seed)
    {
        manual_seed(seed);
        var convs = modules().OfType<Conv2d>().ToLookup(conv => conv.kernel_size[0] == 1);
        foreach (var weight in convs[false].Select(conv => conv.weight).Append(fc.weight).Concat(convs[true].Select(conv => conv.weight)))
            nn.init.kaiming_normal_(weight!);
        nn.init.zeros_(fc.bias!);
    }
}
