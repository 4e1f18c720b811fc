using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Benchmarks;

/// <summary>The PyTorch block, ported line by line without dispose scopes. Intermediate tensors live until the garbage collector finds them.</summary>
public class NaiveBasicBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Sequential shortcut;

    public NaiveBasicBlock(long in_channels, long out_channels, long stride = 1)
        : base(nameof(NaiveBasicBlock))
    {
        conv1 = nn.Conv2d(in_channels, out_channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn1 = nn.BatchNorm2d(out_channels);
        conv2 = nn.Conv2d(out_channels, out_channels, kernel_size: 3, stride: 1, padding: 1, bias: false);
        bn2 = nn.BatchNorm2d(out_channels);

        shortcut = nn.Sequential();
        if (stride != 1 || in_channels != out_channels)
        {
            shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size: 1, stride: stride, bias: false),
                nn.BatchNorm2d(out_channels));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var @out = F.relu(bn1.call(conv1.call(x)));
        @out = bn2.call(conv2.call(@out));
        @out += shortcut.call(x);
        @out = F.relu(@out);
        return @out;
    }
}
