using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary><c>x · weightᵀ + bias</c>.</summary>
/// <param name="Name">In the network.</param>
/// <param name="Weight">Shape (num_classes, features); a copy, without gradient.</param>
/// <param name="Bias">Shape (num_classes).</param>
internal sealed record FoldedLinear(string Name, Tensor Weight, Tensor Bias);
