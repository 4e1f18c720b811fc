using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>All images of a dataset as normalized tensors on the device: 188 MB for Fashion-MNIST's 60,000.</summary>
internal sealed class ImageSet : IDisposable
{
    /// <summary>The statistics of all pixels of Fashion-MNIST's 60,000 training images, on a scale of 0 to 1.</summary>
    public const float Mean = 0.2860f, StandardDeviation = 0.3530f;

    private readonly Tensor _images, _labels;

    /// <param name="source">The pixels and labels.</param>
    /// <param name="size">The height and width: 28, or 14 for the mean of each 2x2 pixels.</param>
    /// <param name="device">The device for the tensors.</param>
    public ImageSet(IdxImages source, int size, Device device)
    {
        using var scope = NewDisposeScope();
        var images = tensor(source.Pixels).reshape(-1, 1, IdxSet.Side, IdxSet.Side).to(device).to(ScalarType.Float32);
        if (size != IdxSet.Side)
            images = F.avg_pool2d(images, IdxSet.Side / size);
        images = images.div_(255).sub_(Mean).div_(StandardDeviation);

        Classes = source.Labels.Max() + 1;
        _images = images.DetachFromDisposeScope();
        _labels = tensor(source.Labels).to(device).to(ScalarType.Int64).DetachFromDisposeScope();
    }

    public int Classes { get; }

    public int Count => (int)_labels.shape[0];

    /// <returns>Images, shape (N, 1, size, size), and labels, shape (N), in the caller's dispose scope.</returns>
    public (Tensor Images, Tensor Labels) Select(ReadOnlySpan<int> indices)
    {
        using var index = tensor(indices.ToArray()).to(_images.device);
        return (_images.index_select(0, index), _labels.index_select(0, index));
    }

    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
    }
}
