using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>A copy of a module's tensors, to assert that they are unchanged, or to restore them.</summary>
internal sealed class Unchanged(nn.Module module) : IDisposable
{
    private readonly Dictionary<string, Tensor> _before = module.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone().DetachFromDisposeScope());

    public bool Holds => module.state_dict().All(entry => entry.Value.bytes.SequenceEqual(_before[entry.Key].bytes));

    public void Assert() => Xunit.Assert.True(Holds, "the module was changed");

    public void Restore()
    {
        using var _ = no_grad();
        foreach (var (name, tensor) in module.state_dict())
            tensor.copy_(_before[name]);
    }

    public void Dispose()
    {
        foreach (var tensor in _before.Values)
            tensor.Dispose();
    }
}
