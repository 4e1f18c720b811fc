using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>A <see cref="Core.BasicBlock"/> without its shortcut, with the same layer names: <c>y = F(x, W)</c>.</summary>
internal sealed class PlainBlock : nn.Module<Tensor, Tensor>
{
    public readonly Conv2d conv1;
    public readonly BatchNorm2d bn1;
    public readonly Conv2d conv2;
    public readonly BatchNorm2d bn2;

    public PlainBlock(long in_channels, long out_channels, long stride = 1)
        : base(nameof(PlainBlock))
    {
        conv1 = nn.Conv2d(in_channels, out_channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn1 = nn.BatchNorm2d(out_channels);
        conv2 = nn.Conv2d(out_channels, out_channels, kernel_size: 3, stride: 1, padding: 1, bias: false);
        bn2 = nn.BatchNorm2d(out_channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var @out = F.relu(bn1.call(conv1.call(x)));
        @out = F.relu(bn2.call(conv2.call(@out)));
        return @out.MoveToOuterDisposeScope();
    }
}
