using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

internal static class Wrap
{
    /// <summary>A module for data-parallel training, its gradients reduced during the backward pass or after it.</summary>
    public static DistributedDataParallel Module(nn.Module<Tensor, Tensor> module, ProcessGroup group, double bucketMegabytes = 25, bool overlap = true) =>
        new(module, group, bucketMegabytes, broadcast_buffers: true, overlap);
}
