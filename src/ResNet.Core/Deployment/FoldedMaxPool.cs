namespace ResNet.Core.Deployment;

/// <summary>Max-pooling.</summary>
/// <param name="Name">The name in the network.</param>
/// <param name="Kernel">The kernel size in both directions, in pixels.</param>
/// <param name="Stride">The stride in both directions, in pixels.</param>
/// <param name="Padding">The padding with negative infinity on each side, in pixels.</param>
internal sealed record FoldedMaxPool(string Name, long Kernel, long Stride, long Padding);
