using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Benchmarks;

/// <summary>The PyTorch network, ported line by line without dispose scopes, as a baseline for <see cref="ResNet18"/>.</summary>
public class NaiveResNet18 : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Linear fc;

    public NaiveResNet18(long num_classes = 1000)
        : base(nameof(NaiveResNet18))
    {
        conv1 = nn.Conv2d(3, 64, kernel_size: 7, stride: 2, padding: 3, bias: false);
        bn1 = nn.BatchNorm2d(64);
        layer1 = _make_layer(64, 64, 2, stride: 1);
        layer2 = _make_layer(64, 128, 2, stride: 2);
        layer3 = _make_layer(128, 256, 2, stride: 2);
        layer4 = _make_layer(256, 512, 2, stride: 2);
        avgpool = nn.AdaptiveAvgPool2d((1, 1));
        fc = nn.Linear(512, num_classes);

        RegisterComponents();
    }

    private static Sequential _make_layer(long in_channels, long out_channels, int blocks, long stride)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        layers.Add(new NaiveBasicBlock(in_channels, out_channels, stride));
        for (var i = 1; i < blocks; i++)
            layers.Add(new NaiveBasicBlock(out_channels, out_channels));
        return nn.Sequential(layers);
    }

    public override Tensor forward(Tensor x)
    {
        x = F.relu(bn1.call(conv1.call(x)));
        x = layer1.call(x);
        x = layer2.call(x);
        x = layer3.call(x);
        x = layer4.call(x);
        x = avgpool.call(x);
        x = flatten(x, 1);
        x = fc.call(x);
        return x;
    }
}
