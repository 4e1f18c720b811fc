using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The forward pass in 8 bits. It runs for any size, and is fastest for one.</summary>
/// <remarks>
/// A packed weight keeps oneDNN's kernel for the first size that it sees, and changes its layout for that kernel. So the constructor does the first run, before any other
/// thread can.
/// </remarks>
internal sealed class Int8Program : IProgram
{
    private readonly Int8Layers _layers;
    private readonly TorchScript _script;

    /// <param name="layers">The layers, which must be disposed later.</param>
    /// <param name="size">The size for which the program is fastest.</param>
    public Int8Program(Int8Layers layers, BatchSize size)
    {
        (_layers, _script) = (layers, new TorchScript(layers.Source, "__torch__.torch.classes.quantized.Conv2dPackedParamsBase"));
        using var scope = NewDisposeScope();
        _ = _script.Call<TorchSharp.Scalar>("pack", (object)layers.Convolutions.ToArray());
        Run(zeros(size.Images, size.Height, size.Width, layers.InChannels, device: CPU, dtype: ScalarType.Float32).permute(0, 3, 1, 2));
    }

    public Tensor Run(Tensor images) => _script.Call<Tensor>("forward", images, _layers.ClassifierWeight, _layers.ClassifierBias);

    /// <summary>Releases the packed weights, which libtorch keeps after the script is disposed.</summary>
    public void Dispose()
    {
        _ = _script.Call<TorchSharp.Scalar>("free");
        _script.Dispose();
    }
}
