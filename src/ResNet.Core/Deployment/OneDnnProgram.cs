using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The forward pass for batches of one or of any size, with weights packed for oneDNN's kernels.</summary>
internal sealed class OneDnnProgram : IProgram
{
    private readonly OneDnnProgram? _any;
    private readonly string _source;
    private readonly TorchScript _script;
    private readonly Tensor[] _tensors; // weight and bias of each convolution and of the classifier

    /// <summary>Creates the program for any size.</summary>
    /// <param name="network">The network, which is copied.</param>
    /// <param name="packing">Packs the weights.</param>
    public OneDnnProgram(FoldedNetwork network, OneDnnPacking packing)
    {
        var (source, convolutions) = Write(network, null);
        (_source, _script) = (source, new TorchScript(source));
        _tensors =
        [
            .. convolutions.SelectMany(entry => packing.Pack(entry.Convolution)),
            Copy(network.Classifier.Weight), Copy(network.Classifier.Bias),
        ];
    }

    /// <summary>Creates the program for one size.</summary>
    /// <param name="network">The network. Its weights may be disposed.</param>
    /// <param name="packing">Packs the weights.</param>
    /// <param name="any">The program for any size, with which identical parts are shared. It must be disposed later.</param>
    /// <param name="size">The size of the images.</param>
    public OneDnnProgram(FoldedNetwork network, OneDnnPacking packing, OneDnnProgram any, BatchSize size)
    {
        var (source, convolutions) = Write(network, size);
        (_any, _source, _script) = (any, source, source == any._source ? any._script : new TorchScript(source));
        _tensors = [.. any._tensors];
        for (var i = 0; i < convolutions.Count; i++)
            packing.PackFor(any._tensors[2 * i], any._tensors[2 * i + 1], convolutions[i]).CopyTo(_tensors, 2 * i);
    }

    /// <summary>The classifier's weight, shape (num_classes, features).</summary>
    public Tensor ClassifierWeight => _tensors[^2];

    public Tensor Run(Tensor images) => _script.Call<Tensor>("forward", images, _tensors);

    public void Dispose()
    {
        for (var i = 0; i < _tensors.Length; i++)
            if (_tensors[i] is var tensor && !ReferenceEquals(tensor, _any?._tensors[i]))
                tensor.Dispose();
        if (_script != _any?._script)
            _script.Dispose();
    }

    private static (string Source, IReadOnlyList<OneDnnConvolution> Convolutions) Write(FoldedNetwork network, BatchSize? size)
    {
        var operations = new OneDnnOperations();
        var images = new FeatureMap("x", size);
        var logits = network.Forward(operations, images);
        return (operations.ToScript(images, logits), operations.Convolutions);
    }

    private static Tensor Copy(Tensor tensor) => tensor.clone().DetachFromDisposeScope();
}
