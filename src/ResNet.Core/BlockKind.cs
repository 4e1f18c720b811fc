using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>What the blocks of a network are.</summary>
/// <param name="expansion">How many times its <c>planes</c> a block has output channels.</param>
/// <param name="Make">Makes one.</param>
internal sealed record BlockKind(long expansion, MakeBlock Make);

/// <summary>Makes a block of <paramref name="planes"/>, torchvision's word for the width by which a layer is called.</summary>
internal delegate nn.Module<Tensor, Tensor> MakeBlock(long in_channels, long planes, long stride, Device? device, ScalarType? dtype);
