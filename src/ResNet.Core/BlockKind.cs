using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>A kind of residual block.</summary>
/// <param name="expansion">The number of output channels divided by <c>planes</c>.</param>
/// <param name="Make">Creates a block.</param>
internal sealed record BlockKind(long expansion, MakeBlock Make);

/// <summary>Creates a block of <paramref name="planes"/>, torchvision's term for the nominal width of a layer.</summary>
internal delegate nn.Module<Tensor, Tensor> MakeBlock(long in_channels, long planes, long stride, Device? device, ScalarType? dtype);
