using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Calibration batches that count how often they are enumerated: the given one, and a second one that lives only while it is read.</summary>
internal sealed class CountedBatches(Tensor batch)
{
    public int Enumerations { get; private set; }

    public IEnumerable<Tensor> Enumerate()
    {
        Enumerations++;
        yield return batch;
        using var another = randn_like(batch);
        yield return another;
    }
}
