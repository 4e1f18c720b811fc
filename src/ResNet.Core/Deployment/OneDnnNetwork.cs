using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// The same network by oneDNN's fused operations: a convolution with its bias and residual addition is one pass over memory in place
/// of three, and the weights are ordered once as its kernels read them and not in every call.
/// </summary>
/// <remarks>
/// libtorch has these operations for what <c>torch.compile</c> makes on CPUs. TorchSharp does not reach them, TorchScript does: the
/// forward pass is a few lines of it, to which the weights are arguments.
/// </remarks>
internal sealed class OneDnnNetwork : InferenceNetwork
{
    private readonly TorchScript _script;
    private readonly Tensor[] _convolutions; // weight, bias, weight, bias …
    private readonly Tensor _fcWeight, _fcBias;

    /// <summary>
    /// Where libtorch surely has the operations, and they are worth it: with a script that names one that it has not, it ends
    /// the process.
    /// </summary>
    public static bool CanRun(FoldedNetwork network) =>
        network.Classifier.Weight is { device_type: DeviceType.CPU, dtype: ScalarType.Float32 } &&
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows());

    /// <param name="network">Is copied.</param>
    public OneDnnNetwork(FoldedNetwork network)
        : this(network, Copy(network.Classifier.Weight))
    {
    }

    private OneDnnNetwork(FoldedNetwork network, Tensor fcWeight)
        : base(network.Name, network.Conv1.InChannels, fcWeight)
    {
        const string images = "x";
        var operations = new OneDnnOperations();
        var logits = network.Forward(operations, images);
        _script = new TorchScript(operations.Script(images, logits));
        _convolutions = [.. operations.Convolutions.SelectMany(folded => new[] { Pack(folded), Copy(folded.Bias) })];
        _fcWeight = fcWeight;
        _fcBias = Copy(network.Classifier.Bias);

        Tensor Pack(FoldedConvolution folded) =>
            _script.Call("pack", folded.Weight, (int)folded.Stride, (int)folded.Padding, (int)folded.Groups).DetachFromDisposeScope();
    }

    private static Tensor Copy(Tensor tensor) => tensor.clone().DetachFromDisposeScope();

    protected override IEnumerable<IDisposable> Resources => [.. _convolutions, _fcWeight, _fcBias, _script];

    protected override Tensor Logits(Tensor x)
    {
        using var scope = NewDisposeScope();
        var images = x.to(_fcWeight.dtype).ToMemoryFormat(memory_format.channels_last);
        return _script.Call("forward", images, _convolutions, _fcWeight, _fcBias).MoveToOuterDisposeScope();
    }
}
