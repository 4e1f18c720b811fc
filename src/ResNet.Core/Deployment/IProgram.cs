using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A network's forward pass for batches of one or of any size. Thread-safe.</summary>
internal interface IProgram : IDisposable
{
    /// <param name="images">The images, channels-last.</param>
    /// <returns>The logits.</returns>
    Tensor Run(Tensor images);
}
