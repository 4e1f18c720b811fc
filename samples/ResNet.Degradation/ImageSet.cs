using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>All pictures of a set as tensors on the device, normalised: 188 MB for the 60,000 of Fashion-MNIST.</summary>
internal sealed class ImageSet : IDisposable
{
    /// <summary>Of all pixels of Fashion-MNIST's 60,000 training images, on a scale of 0 to 1.</summary>
    public const float Mean = 0.2860f, StandardDeviation = 0.3530f;

    private readonly Tensor _images, _labels;

    /// <param name="pictures">Grey values and labels.</param>
    /// <param name="size">Height and width to have: 28, or 14, which is the mean of each 2x2 pixels.</param>
    /// <param name="device">Where they go.</param>
    public ImageSet(IdxImages pictures, int size, Device device)
    {
        using var scope = NewDisposeScope();
        var images = tensor(pictures.Pixels).reshape(-1, 1, IdxSet.Side, IdxSet.Side).to(device).to(ScalarType.Float32);
        if (size != IdxSet.Side)
            images = F.avg_pool2d(images, IdxSet.Side / size);
        images = images.div_(255).sub_(Mean).div_(StandardDeviation);

        Classes = pictures.Labels.Max() + 1;
        _images = images.DetachFromDisposeScope();
        _labels = tensor(pictures.Labels).to(device).to(ScalarType.Int64).DetachFromDisposeScope();
    }

    public int Classes { get; }

    public int Count => (int)_labels.shape[0];

    /// <summary>Shapes (N, 1, size, size) and (N). They belong to the caller's dispose scope.</summary>
    public (Tensor Images, Tensor Labels) Batch(ReadOnlySpan<int> indices)
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
