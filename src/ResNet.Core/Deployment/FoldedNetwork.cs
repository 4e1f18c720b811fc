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
    private const int BlocksPerLayer = 2;
    private const long Channels = 3;

    /// <param name="model">Is not changed.</param>
    /// <param name="dtype">Type of the folded weights; the model's own if null.</param>
    /// <exception cref="ArgumentException">It, or a part of it, is not as <see cref="Foldable"/> knows it.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public static FoldedNetwork Of(ResNet18 model, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Foldable.Module<ResNet18>("the model", model);
        ObjectDisposedException.ThrowIf(model.conv1.weight is null or { IsInvalid: true }, model);

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var foldable = new Foldable(model);
        var type = dtype ?? model.conv1.weight.dtype;
        (string Name, Sequential Layer)[] layers =
            [(nameof(model.layer1), model.layer1), (nameof(model.layer2), model.layer2), (nameof(model.layer3), model.layer3), (nameof(model.layer4), model.layer4)];

        var channels = Channels; // of what comes to the next layer
        var conv1 = Convolution(nameof(model.conv1), model.conv1, nameof(model.bn1), model.bn1, channels);
        channels = conv1.Weight.shape[0];
        FoldedBlock[] blocks = [.. layers.SelectMany(entry => Blocks(entry.Name, entry.Layer))];
        Foldable.AveragePool(nameof(model.avgpool), model.avgpool);
        var fc = foldable.Linear(nameof(model.fc), model.fc);
        if (fc.in_features != channels)
            throw Foldable.Unexpected($"{nameof(model.fc)} for {channels} features", $"{fc.in_features}");
        var network = new FoldedNetwork(model.Stem, conv1, blocks,
            Foldable.Finite($"{nameof(model.fc)}.weight", fc.weight.to(type, copy: true)),
            Foldable.Finite($"{nameof(model.fc)}.bias", fc.bias!.to(type, copy: true)));
        foreach (var tensor in network.Tensors)
            tensor.DetachFromDisposeScope();
        return network;

        FoldedConvolution Convolution(string name, nn.IModule<Tensor, Tensor> conv, string normName, nn.IModule<Tensor, Tensor> norm, long channels)
        {
            var convolution = foldable.Convolution(name, conv);
            if (convolution.in_channels != channels)
                throw Foldable.Unexpected($"{name} for {channels} channels", $"{convolution.in_channels}");
            return FoldedConvolution.Of(name, convolution, foldable.BatchNorm(normName, norm, convolution.out_channels), type);
        }

        IEnumerable<FoldedBlock> Blocks(string name, Sequential layer)
        {
            Foldable.Module<Sequential>(name, layer);
            if (layer.Count != BlocksPerLayer)
                throw Foldable.Unexpected($"{BlocksPerLayer} blocks in {name}", $"{layer.Count} ({string.Join(", ", layer.named_children().Select(child => $"{name}.{child.name}"))})");
            for (var i = 0; i < BlocksPerLayer; i++)
                yield return Block($"{name}.{i}", layer[i]);
        }

        FoldedBlock Block(string name, nn.IModule<Tensor, Tensor> module)
        {
            var block = Foldable.Module<BasicBlock>(name, module);
            var conv1 = Convolution($"{name}.conv1", block.conv1, $"{name}.bn1", block.bn1, channels);
            var conv2 = Convolution($"{name}.conv2", block.conv2, $"{name}.bn2", block.bn2, conv1.Weight.shape[0]);
            var shortcut = Shortcut($"{name}.shortcut", block.shortcut);

            // Otherwise the addition spreads one pixel, or one channel, over many: not in every engine and for every size.
            var (stride, margin) = shortcut is null ? (1, -1) : (shortcut.Stride, shortcut.Margin);
            if (conv2.Stride != 1 || conv1.Stride != stride || conv1.Margin + stride * (conv2.Margin + 1) != margin || conv2.Weight.shape[0] != (shortcut?.Weight.shape[0] ?? channels))
                throw Foldable.Unexpected($"{name} whose convolutions and shortcut give the same shape for every image", "other strides, paddings or channels");
            channels = conv2.Weight.shape[0];
            return new FoldedBlock(conv1, conv2, shortcut);
        }

        FoldedConvolution? Shortcut(string name, nn.IModule<Tensor, Tensor> module)
        {
            var shortcut = Foldable.Module<Sequential>(name, module);
            return shortcut.children().ToArray() switch
            {
                [] => null,
                [Conv2d conv, BatchNorm2d norm] => Convolution($"{name}.0", conv, $"{name}.1", norm, channels),
                var others => throw Foldable.Unexpected(
                    $"{name} to be empty or of a {nameof(Conv2d)} and a {nameof(BatchNorm2d)}", string.Join(", ", others.Select(other => other.GetType().Name))),
            };
        }
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
