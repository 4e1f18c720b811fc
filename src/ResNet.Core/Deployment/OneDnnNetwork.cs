using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// A folded network with oneDNN's fused operations: a convolution with its bias and residual addition takes one pass over memory instead of three, and the weights
/// are reordered once for its kernels instead of in every call.
/// </summary>
/// <remarks>
/// libtorch has these operations for <c>torch.compile</c> on CPUs. TorchSharp does not expose them, but TorchScript does: the forward pass is a short script with the
/// weights as arguments.
/// </remarks>
internal sealed class OneDnnNetwork : InferenceNetwork
{
    private readonly ScalarType _dtype;
    private readonly IProgram _any;
    private readonly BatchSize? _anySize;
    private readonly SizedPrograms _sized;
    private readonly IDisposable _shared;

    /// <summary>
    /// Whether libtorch is known to have the operations, and they are worth using. A script with an unknown operation would crash the process.
    /// </summary>
    public static bool IsSupported =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows());

    /// <summary>Creates a network in float32 or bfloat16.</summary>
    /// <param name="network">The folded network in float32 on the CPU, which is copied.</param>
    /// <param name="dtype">The type of the convolutions, float32 or bfloat16. The classifier is float32.</param>
    /// <exception cref="ArgumentException">The weights are not finite in that type.</exception>
    public static OneDnnNetwork Create(FoldedNetwork network, ScalarType dtype)
    {
        var packing = new OneDnnPacking(dtype);
        var any = new OneDnnProgram(network, packing);
        return new OneDnnNetwork(network, dtype, any.ClassifierWeight, any, anySize: null, size => new OneDnnProgram(network, packing, any, size), packing);
    }

    /// <summary>Creates a network in 8 bits.</summary>
    /// <param name="network">The folded network in float32 on the CPU, which is copied.</param>
    /// <param name="calibration">The quantization parameters, and the image size for which the program for any size is fastest.</param>
    public static OneDnnNetwork Create(FoldedNetwork network, Calibration calibration)
    {
        var layers = new Int8Layers(network, calibration.Quantizations);
        var any = new Int8Program(layers, calibration.ImageSize);
        return new OneDnnNetwork(network, ScalarType.Float32, layers.ClassifierWeight, any, calibration.ImageSize, size => new Int8Program(layers, size), layers);
    }

    /// <param name="network">The folded network.</param>
    /// <param name="dtype">The type in which the programs take images.</param>
    /// <param name="fcWeight">The weight of the classifier.</param>
    /// <param name="any">The program for any size.</param>
    /// <param name="anySize">The size for which that program is as fast as one of its own; null if there is none.</param>
    /// <param name="make">Creates a program for one size.</param>
    /// <param name="shared">The resources that all programs share.</param>
    private OneDnnNetwork(FoldedNetwork network, ScalarType dtype, Tensor fcWeight, IProgram any, BatchSize? anySize, Func<BatchSize, IProgram> make, IDisposable shared)
        : base(network.Name, network.Conv1.InChannels, fcWeight) => (_dtype, _any, _anySize, _sized, _shared) = (dtype, any, anySize, new SizedPrograms(make), shared);

    protected override IEnumerable<IDisposable> Resources => [_sized, _any, _shared];

    protected override Tensor ComputeLogits(Tensor x)
    {
        using var scope = NewDisposeScope();
        var images = x.to(_dtype).ToMemoryFormat(memory_format.channels_last);
        var size = new BatchSize(x.shape[0], x.shape[2], x.shape[3]);
        var sized = size == _anySize ? null : _sized.Enter(size);
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
