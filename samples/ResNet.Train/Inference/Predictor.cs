using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A trained network in one of the engines.</summary>
internal abstract class Predictor(ModelConfig network) : IDisposable
{
    public ModelConfig Network { get; } = network;

    /// <param name="path">A training run's folder, or a network's file in it.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="deviceName">The device for libtorch.</param>
    /// <exception cref="UserException">There is no such network.</exception>
    public static Predictor Load(string path, Engine engine, string deviceName) =>
        engine == Engine.Onnx ? OnnxPredictor.Load(path) : TorchPredictor.Load(path, Devices.Find(deviceName));

    /// <summary>Yields the probability of each class, batch by batch.</summary>
    /// <inheritdoc cref="ImageBatches.Stream"/>
    public IEnumerable<NetworkOutputs> Predict(IEnumerable<Image> images, CancellationToken cancellation) =>
        ImageBatches.Stream(images, Network, batch => ComputeLogits(batch).softmax(1), cancellation);

    /// <returns>The logits, shape (N, classes).</returns>
    public abstract Tensor ComputeLogits(Batch batch);

    public abstract void Dispose();
}
