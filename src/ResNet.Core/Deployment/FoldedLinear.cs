using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The classifier, <c>x · weightᵀ + bias</c>.</summary>
/// <param name="Name">The name in the network.</param>
/// <param name="Weight">The weight, shape (num_classes, features); a copy without gradient.</param>
/// <param name="Bias">The bias, shape (num_classes).</param>
internal sealed record FoldedLinear(string Name, Tensor Weight, Tensor Bias);
