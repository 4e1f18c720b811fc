using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>A module of named tensors and nothing else.</summary>
internal sealed class TensorBag : nn.Module
{
    public TensorBag(params (string Name, Tensor Tensor)[] tensors)
        : base(nameof(TensorBag))
    {
        foreach (var (name, tensor) in tensors)
            register_buffer(name, tensor.DetachFromDisposeScope());
    }
}
