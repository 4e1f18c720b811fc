using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A block for inference: <c>relu(conv2(relu(conv1(x))) + shortcut(x))</c>.</summary>
/// <param name="Conv1">With the block's stride.</param>
/// <param name="Conv2">With stride 1.</param>
/// <param name="Shortcut">Null is the identity.</param>
internal sealed record FoldedBlock(FoldedConvolution Conv1, FoldedConvolution Conv2, FoldedConvolution? Shortcut);

/// <summary>What a <see cref="ResNet18"/> computes in eval mode, every batch normalisation folded into its convolution. All tensors are copies, and belong to no dispose scope.</summary>
/// <param name="Stem">Whether there is a max-pooling behind the first convolution.</param>
/// <param name="Conv1">The first convolution.</param>
/// <param name="Blocks">Eight, in their order.</param>
/// <param name="FcWeight">Shape (num_classes, 512).</param>
/// <param name="FcBias">Shape (num_classes).</param>
internal sealed record FoldedNetwork(Stem Stem, FoldedConvolution Conv1, IReadOnlyList<FoldedBlock> Blocks, Tensor FcWeight, Tensor FcBias) : IDisposable
{
    /// <param name="model">Is not changed.</param>
    /// <param name="dtype">Type of the folded weights; the model's own if null.</param>
    /// <exception cref="ArgumentException">It is a subclass, whose forward pass may be another one.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public static FoldedNetwork Of(ResNet18 model, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.GetType() != typeof(ResNet18))
            throw new ArgumentException($"Expected a {nameof(ResNet18)} itself, got its subclass {model.GetType()}, whose forward pass may be another one.", nameof(model));
        ObjectDisposedException.ThrowIf(model.conv1.weight is null or { IsInvalid: true }, model);

        using var _ = no_grad();
        var type = dtype ?? model.conv1.weight.dtype;
        Sequential[] layers = [model.layer1, model.layer2, model.layer3, model.layer4];
        return new FoldedNetwork(
            model.Stem,
            FoldedConvolution.Of(model.conv1, model.bn1, type),
            [.. layers.SelectMany(layer => layer.children().Cast<BasicBlock>()).Select(block => Fold(block, type))],
            model.fc.weight!.to(type, copy: true).DetachFromDisposeScope(),
            model.fc.bias!.to(type, copy: true).DetachFromDisposeScope());
    }

    private static FoldedBlock Fold(BasicBlock block, ScalarType dtype)
    {
        var shortcut = block.shortcut.children().ToArray();
        return new FoldedBlock(
            FoldedConvolution.Of(block.conv1, block.bn1, dtype),
            FoldedConvolution.Of(block.conv2, block.bn2, dtype),
            shortcut is [Conv2d conv, BatchNorm2d bn] ? FoldedConvolution.Of(conv, bn, dtype) : null);
    }

    /// <summary>Every convolution, in the order of the forward pass.</summary>
    public IEnumerable<FoldedConvolution> Convolutions =>
        Blocks.SelectMany(block => new[] { block.Conv1, block.Conv2, block.Shortcut }).OfType<FoldedConvolution>().Prepend(Conv1);

    public IEnumerable<Tensor> Tensors => [.. Convolutions.SelectMany(folded => new[] { folded.Weight, folded.Bias }), FcWeight, FcBias];

    public void Dispose()
    {
        foreach (var tensor in Tensors)
            tensor.Dispose();
    }
}
