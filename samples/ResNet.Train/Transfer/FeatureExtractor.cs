using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network without its classifier, which computes features.</summary>
internal sealed class FeatureExtractor : IDisposable
{
    private readonly FusedModel _model;

    /// <param name="model">The network, whose weights are copied.</param>
    /// <param name="network">The model config.</param>
    /// <param name="device">The network's device.</param>
    /// <param name="dtype">The type to compute in; null is the model's own.</param>
    /// <exception cref="UserException">The weights are not finite.</exception>
    public FeatureExtractor(ResidualNetwork model, ModelConfig network, Device device, ScalarType? dtype = null)
    {
        Network = network;
        using var _ = no_grad();
        // An identity classifier passes the features through, so that Fuse covers the whole network.
        using var copy = network.Architecture.Create((int)model.fc.in_features, model.Stem, device);
        Classifier.CopyOthers(model, copy);
        nn.init.eye_(copy.fc.weight);
        nn.init.zeros_(copy.fc.bias);
        copy.eval();
        _model = new FusedModel(copy, device, "--weights", dtype);
    }

    /// <summary>The model config.</summary>
    public ModelConfig Network { get; }

    /// <param name="images">The images, at least one.</param>
    /// <param name="step">Called with the number of images of each batch.</param>
    /// <param name="cancellation">Stops the computation.</param>
    /// <returns>The features, shape (number of images, features), float32, on the CPU. The caller owns them.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    /// <exception cref="UserException">An image can no longer be read.</exception>
    public Tensor Extract(IReadOnlyList<Image> images, Action<int> step, CancellationToken cancellation) =>
        ImageBatches.Run(images, Network, batch =>
        {
            step(batch.Count);
            return Run(batch);
        }, cancellation);

    /// <summary>Extracts on all ranks, each of which gets all features.</summary>
    /// <inheritdoc cref="Extract(IReadOnlyList{Image}, Action{int}, CancellationToken)"/>
    public Tensor Extract(IReadOnlyList<Image> images, Action<int> step, Together together) =>
        ImageBatches.Run(images, Network, batch =>
        {
            step(batch.Count);
            return Run(batch);
        }, together);

    /// <summary>Yields the features batch by batch, for any number of images.</summary>
    /// <inheritdoc cref="ImageBatches.Stream"/>
    public IEnumerable<NetworkOutputs> Stream(IEnumerable<Image> images, CancellationToken cancellation) => ImageBatches.Stream(images, Network, Run, cancellation);

    /// <returns>The features, shape (N, features), on the network's device.</returns>
    public Tensor Run(Batch batch) => _model.Run(batch);

    public void Dispose() => _model.Dispose();
}
