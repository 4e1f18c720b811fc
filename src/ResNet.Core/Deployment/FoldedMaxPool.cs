namespace ResNet.Core.Deployment;

/// <summary>Max-pooling.</summary>
/// <param name="Name">In the network.</param>
/// <param name="Kernel">In pixels, in both directions, as the others.</param>
/// <param name="Stride">In pixels.</param>
/// <param name="Padding">On each side, with what is less than every number.</param>
internal sealed record FoldedMaxPool(string Name, long Kernel, long Stride, long Padding);
