using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network up to its classifier: what it makes of an image before it says which class that is.</summary>
internal sealed class FeatureExtractor : IDisposable
{
    private readonly FusedModel _model;

    /// <param name="model">Its weights are copied.</param>
    /// <param name="network">What it is.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="dtype">In which it computes; null is the model's own.</param>
    /// <exception cref="UserException">The weights are not finite.</exception>
    public FeatureExtractor(ResidualNetwork model, NetworkInfo network, Device device, ScalarType? dtype = null)
    {
        Network = network;
        using var _ = no_grad();
        // A classifier that is the identity hands the features through, and Fuse makes the whole of it fast.
        using var copy = network.Architecture.Create((int)model.fc.in_features, model.Stem, device);
        Classifier.CopyOthers(model, copy);
        nn.init.eye_(copy.fc.weight);
        nn.init.zeros_(copy.fc.bias);
        copy.eval();
        _model = new FusedModel(copy, device, "--weights", dtype);
    }

    /// <summary>What the network is.</summary>
    public NetworkInfo Network { get; }

    /// <param name="pictures">One at least.</param>
    /// <param name="step">Called with the number of images of each batch.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Shape (number of images, features), float32, on the CPU. The caller owns it.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">An image cannot be read any more.</exception>
    public Tensor Extract(IReadOnlyList<Picture> pictures, Action<int> step, CancellationToken cancellation) =>
        PictureBatches.Run(pictures, Network, batch =>
        {
            step(batch.Count);
            return Run(batch);
        }, cancellation);

    /// <summary>The same, shared by all ranks.</summary>
    /// <inheritdoc cref="Extract(IReadOnlyList{Picture}, Action{int}, CancellationToken)"/>
    public Tensor Extract(IReadOnlyList<Picture> pictures, Action<int> step, Together together) =>
        PictureBatches.Run(pictures, Network, batch =>
        {
            step(batch.Count);
            return Run(batch);
        }, together);

    /// <summary>The features part by part, whatever the number of images.</summary>
    /// <inheritdoc cref="PictureBatches.Stream"/>
    public IEnumerable<NetworkOutputs> Stream(IEnumerable<Picture> pictures, CancellationToken cancellation) => PictureBatches.Stream(pictures, Network, Run, cancellation);

    /// <returns>Shape (N, features), on the network's device.</returns>
    public Tensor Run(Batch batch) => _model.Run(batch);

    public void Dispose() => _model.Dispose();
}
