using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>A module that is nothing but named tensors.</summary>
internal sealed class TensorBag : nn.Module
{
    public TensorBag(params (string Name, Tensor Tensor)[] tensors)
        : base(nameof(TensorBag))
    {
        foreach (var (name, tensor) in tensors)
            register_buffer(name, tensor.DetachFromDisposeScope());
    }
}
