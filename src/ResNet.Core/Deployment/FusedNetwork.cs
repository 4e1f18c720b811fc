using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A folded network on any device and in any type.</summary>
/// <param name="network">The folded network, which this instance owns.</param>
internal sealed class FusedNetwork(FoldedNetwork network) : InferenceNetwork(network.Name, network.Conv1.InChannels, network.Classifier.Weight)
{
    private readonly TensorOperations _operations = new();

    protected override IEnumerable<IDisposable> Resources => network.Tensors;

    protected override Tensor ComputeLogits(Tensor x)
    {
        using var scope = NewDisposeScope();
        return network.Forward(_operations, x).MoveToOuterDisposeScope();
    }
}
