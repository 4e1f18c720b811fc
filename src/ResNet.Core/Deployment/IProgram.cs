using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A network's forward pass for batches of one size, or of any. Any number of threads may run it at once.</summary>
internal interface IProgram : IDisposable
{
    /// <param name="images">Channels-last.</param>
    /// <returns>The logits.</returns>
    Tensor Run(Tensor images);
}
