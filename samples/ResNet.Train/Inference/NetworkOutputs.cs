using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A network's outputs for some images.</summary>
/// <param name="Images">The readable images.</param>
/// <param name="Broken">A message for each of the others.</param>
/// <param name="Outputs">The outputs, shape (number of readable images, D), on the CPU.</param>
internal sealed record NetworkOutputs(IReadOnlyList<Image> Images, IReadOnlyList<string> Broken, Tensor Outputs) : IDisposable
{
    /// <returns>Each image with its outputs.</returns>
    public IEnumerable<(Image Image, float[] Output)> Enumerate() =>
        Images.Count == 0 ? [] : Images.Zip(Outputs.data<float>().ToArray().Chunk((int)Outputs.shape[1]));

    public void Dispose() => Outputs.Dispose();
}
