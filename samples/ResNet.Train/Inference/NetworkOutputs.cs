using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What a network has made of some images.</summary>
/// <param name="Pictures">Those that could be read.</param>
/// <param name="Broken">What is wrong with each of the others.</param>
/// <param name="Outputs">Shape (number of pictures, D), on the CPU, in their order.</param>
internal sealed record NetworkOutputs(IReadOnlyList<Picture> Pictures, IReadOnlyList<string> Broken, Tensor Outputs) : IDisposable
{
    /// <summary>Image by image.</summary>
    public IEnumerable<(Picture Picture, float[] Output)> Each() =>
        Pictures.Count == 0 ? [] : Pictures.Zip(Outputs.data<float>().ToArray().Chunk((int)Outputs.shape[1]));

    public void Dispose() => Outputs.Dispose();
}
