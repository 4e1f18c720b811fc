using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A trained network, in whatever engine.</summary>
internal abstract class Predictor(NetworkInfo network) : IDisposable
{
    public NetworkInfo Network { get; } = network;

    /// <param name="path">A training's folder, or a file with a network in it.</param>
    /// <param name="engine">Which engine.</param>
    /// <param name="deviceName">Where libtorch computes.</param>
    /// <exception cref="UserException">There is no such network.</exception>
    public static Predictor Load(string path, Engine engine, string deviceName) =>
        engine == Engine.Onnx ? OnnxPredictor.Load(path) : TorchPredictor.Load(path, Devices.Find(deviceName));

    /// <summary>The probability of each class, in batches.</summary>
    /// <inheritdoc cref="PictureBatches.Stream"/>
    public IEnumerable<NetworkOutputs> Predict(IEnumerable<Picture> pictures, CancellationToken cancellation) =>
        PictureBatches.Stream(pictures, Network, batch => Logits(batch).softmax(1), cancellation);

    /// <returns>Shape (N, classes).</returns>
    public abstract Tensor Logits(Batch batch);

    public abstract void Dispose();
}
