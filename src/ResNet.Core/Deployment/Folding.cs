using ResNet.Core.Family;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>Folds a network's batch norms into its convolutions.</summary>
internal sealed class Folding
{
    private readonly ResidualNetwork _model;
    private readonly Foldable _foldable;
    private readonly ScalarType _dtype;
    private long _channels; // input channels of the next part
    private long _height = 1; // input height of the next part for an image of one pixel

    private Folding(ResidualNetwork model, ScalarType dtype) =>
        (_model, _foldable, _dtype, _channels) = (model, new Foldable(model), dtype, model.conv1.in_channels);

    /// <summary>Folds a copy of the model.</summary>
    /// <param name="model">The model, which is not changed.</param>
    /// <param name="dtype">The type of the folded weights; the model's own type if null.</param>
    /// <exception cref="ArgumentException">The model or a part of it cannot be folded.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public static FoldedNetwork Fold(ResidualNetwork model, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Foldable.ExpectNetwork(model);
        ObjectDisposedException.ThrowIf(model.conv1.weight is null or { IsInvalid: true }, model);

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var network = new Folding(model, dtype ?? model.conv1.weight.dtype).FoldNetwork();
        foreach (var tensor in network.Tensors)
            tensor.DetachFromDisposeScope();
        return network;
    }

    private FoldedNetwork FoldNetwork()
    {
        var conv1 = Advance(FoldConvolution(new(nameof(_model.conv1), _model.conv1, nameof(_model.bn1), _model.bn1), ""));
        var maxpool = _model.maxpool is null ? null : Foldable.ExpectMaxPool(nameof(_model.maxpool), _model.maxpool);
        if (maxpool is not null)
            _height = ComputeHeight(maxpool.Name, maxpool.Kernel, maxpool.Stride, maxpool.Padding);
        FoldedBlock[] blocks =
        [
            .. FoldLayer(nameof(_model.layer1), _model.layer1), .. FoldLayer(nameof(_model.layer2), _model.layer2),
            .. FoldLayer(nameof(_model.layer3), _model.layer3), .. FoldLayer(nameof(_model.layer4), _model.layer4),
        ];
        Foldable.ExpectAveragePool(nameof(_model.avgpool), _model.avgpool);
        return new FoldedNetwork(_model.GetType().Name, conv1, maxpool, blocks, nameof(_model.avgpool), CopyClassifier(nameof(_model.fc), _model.fc));
    }

    private IEnumerable<FoldedBlock> FoldLayer(string name, Sequential layer)
    {
        Foldable.ExpectModule<Sequential>(name, layer);
        for (var i = 0; i < layer.Count; i++)
            yield return FoldBlock($"{name}.{i}", layer[i]);
    }

    private FoldedBlock FoldBlock(string name, nn.IModule<Tensor, Tensor> module)
    {
        var parts = Foldable.ExpectBlock(name, module);
        var before = (Channels: _channels, Height: _height);
        FoldedConvolution[] branch = [.. parts.Branch.Select(convolution => Advance(FoldConvolution(convolution, $"{name}.")))];
        var after = (Channels: _channels, Height: _height);

        (_channels, _height) = before;
        var block = new FoldedBlock(name, branch, FoldShortcut($"{name}.{ShortcutName.Own}", parts.Shortcut));
        if (!block.KeepsShape || (block.Shortcut?.OutChannels ?? before.Channels) != after.Channels)
            throw Foldable.Unexpected($"{name} whose branch and shortcut give the same shape for every image", "other strides, paddings or channels");
        (_channels, _height) = after;
        return block;
    }

    private FoldedConvolution? FoldShortcut(string name, Sequential module)
    {
        var shortcut = Foldable.ExpectModule<Sequential>(name, module);
        return shortcut.children().ToArray() switch
        {
            [] => null,
            [Conv2d conv, BatchNorm2d norm] => Advance(FoldConvolution(new("0", conv, "1", norm), $"{name}.")),
            var others => throw Foldable.Unexpected(
                $"{name} to be empty or of a {nameof(Conv2d)} and a {nameof(BatchNorm2d)}", string.Join(", ", others.Select(other => other.GetType().Name))),
        };
    }

    private FoldedConvolution FoldConvolution(ConvolutionParts parts, string prefix)
    {
        var name = prefix + parts.ConvName;
        var conv = _foldable.ExpectConvolution(name, parts.Conv);
        if (conv.in_channels != _channels)
            throw Foldable.Unexpected($"{name} for {_channels} channels", $"{conv.in_channels}");
        return FoldedConvolution.Fold(name, conv, _foldable.ExpectBatchNorm(prefix + parts.NormName, parts.Norm, conv.out_channels), _dtype);
    }

    private FoldedConvolution Advance(FoldedConvolution convolution)
    {
        _height = ComputeHeight(convolution.Name, convolution.Kernel, convolution.Stride, convolution.Padding);
        _channels = convolution.OutChannels;
        return convolution;
    }

    /// <summary>
    /// Computes the output height. If a kernel is larger than its padded input, the model throws, but ONNX Runtime, which rounds toward 0, may return an answer.
    /// </summary>
    private long ComputeHeight(string name, long kernel, long stride, long padding) => _height + 2 * padding >= kernel
        ? (_height + 2 * padding - kernel) / stride + 1
        : throw Foldable.Unexpected($"{name} to fit into images of any size, even one pixel", $"a kernel of {kernel} with a padding of {padding}");

    private FoldedLinear CopyClassifier(string name, Linear module)
    {
        var linear = _foldable.ExpectLinear(name, module);
        if (linear.in_features != _channels)
            throw Foldable.Unexpected($"{name} for {_channels} features", $"{linear.in_features}");
        return new FoldedLinear(name, Copy($"{name}.weight", linear.weight), Copy($"{name}.bias", linear.bias!));
    }

    private Tensor Copy(string name, Tensor tensor) => Foldable.ExpectFinite(name, tensor.to(_dtype, copy: true));
}
