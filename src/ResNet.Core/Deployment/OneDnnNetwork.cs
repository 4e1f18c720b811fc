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
    private readonly ScalarType _dtype;
    private readonly IProgram _any;
    private readonly SizedPrograms _sized;
    private readonly IDisposable _shared;

    /// <summary>
    /// Where libtorch surely has the operations, and they are worth it: with a script that names one that it has not, it ends
    /// the process.
    /// </summary>
    public static bool IsSupported =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows());

    /// <param name="network">In float32, on the CPU. Is copied.</param>
    /// <param name="dtype">In which the convolutions compute: float32 or bfloat16. The classifier's is float32.</param>
    /// <exception cref="ArgumentException">The weights are not all finite in that type.</exception>
    public static OneDnnNetwork Create(FoldedNetwork network, ScalarType dtype)
    {
        var packing = new OneDnnPacking(dtype);
        var any = new OneDnnProgram(network, packing);
        return new OneDnnNetwork(network, dtype, any.ClassifierWeight, any, size => new OneDnnProgram(network, packing, any, size), packing);
    }

    /// <summary>In 8 bits.</summary>
    /// <param name="network">In float32, on the CPU. Is copied.</param>
    /// <param name="quantizations">By the names of layers.</param>
    public static OneDnnNetwork Create(FoldedNetwork network, IReadOnlyDictionary<string, Quantization> quantizations)
    {
        var layers = new Int8Layers(network, quantizations);
        return new OneDnnNetwork(network, ScalarType.Float32, layers.ClassifierWeight, new Int8Program(layers, Int8Program.Small), size => new Int8Program(layers, size), layers);
    }

    /// <param name="network">What it is made of.</param>
    /// <param name="dtype">In which its programs take images.</param>
    /// <param name="fcWeight">The classifier's.</param>
    /// <param name="any">For any size.</param>
    /// <param name="make">For one size.</param>
    /// <param name="shared">What programs use.</param>
    private OneDnnNetwork(FoldedNetwork network, ScalarType dtype, Tensor fcWeight, IProgram any, Func<BatchSize, IProgram> make, IDisposable shared)
        : base(network.Name, network.Conv1.InChannels, fcWeight) => (_dtype, _any, _sized, _shared) = (dtype, any, new SizedPrograms(make), shared);

    protected override IEnumerable<IDisposable> Resources => [_sized, _any, _shared];

    protected override Tensor Logits(Tensor x)
    {
        using var scope = NewDisposeScope();
        var images = x.to(_dtype).ToMemoryFormat(memory_format.channels_last);
        var sized = _sized.Enter(new BatchSize(x.shape[0], x.shape[2], x.shape[3]));
        try
        {
            return (sized?.Program ?? _any).Run(images).MoveToOuterDisposeScope();
        }
        finally
        {
            sized?.Leave();
        }
    }
}
