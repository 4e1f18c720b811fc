using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>The forward pass in 8 bits. It runs for every size, and as fast as it can for one.</summary>
/// <remarks>
/// A packed weight keeps oneDNN's kernel for the first size that it meets, and changes its layout to what that kernel reads: so the first
/// run is in the constructor, while no other thread has it.
/// </remarks>
internal sealed class Int8Program : IProgram
{
    private readonly Int8Layers _layers;
    private readonly TorchScript _script;

    /// <summary>A small image, whose layout serves other sizes as well.</summary>
    public static BatchSize Small => new(1, 64, 64);

    /// <param name="layers">Are disposed later.</param>
    /// <param name="size">For which it is fast.</param>
    public Int8Program(Int8Layers layers, BatchSize size)
    {
        (_layers, _script) = (layers, new TorchScript(layers.Source, "__torch__.torch.classes.quantized.Conv2dPackedParamsBase"));
        using var scope = NewDisposeScope();
        _ = _script.Call<TorchSharp.Scalar>("pack", (object)layers.Convolutions.ToArray());
        Run(zeros(size.Images, size.Height, size.Width, layers.InChannels, device: CPU, dtype: ScalarType.Float32).permute(0, 3, 1, 2));
    }

    public Tensor Run(Tensor images) => _script.Call<Tensor>("forward", images, _layers.ClassifierWeight, _layers.ClassifierBias);

    /// <summary>libtorch keeps a script's objects when the script is disposed: here they are all weights.</summary>
    public void Dispose()
    {
        _ = _script.Call<TorchSharp.Scalar>("free");
        _script.Dispose();
    }
}
