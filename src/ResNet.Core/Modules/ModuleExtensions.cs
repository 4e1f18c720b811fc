using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Registers and finds submodules.</summary>
internal static class ModuleExtensions
{
    /// <summary>Registers submodules by name, as an assignment in Python's <c>__init__</c> does.</summary>
    /// <remarks>
    /// <c>RegisterComponents()</c> does not serve here: it works once per object. A base class that calls it in its constructor runs it before a
    /// subclass has created its own submodules, and the optimizer would never see those.
    /// </remarks>
    public static void Register(this nn.Module module, params ReadOnlySpan<(string Name, nn.Module Module)> children)
    {
        foreach (var (name, child) in children)
        {
            module.register_module(name, child);

            // TorchSharp creates num_batches_tracked in the type of the weights; in PyTorch it is always int64.
            foreach (var norm in child.GetBatchNorms())
                if (norm.num_batches_tracked is { dtype: not ScalarType.Int64 } counter)
                    norm.num_batches_tracked = counter.to(ScalarType.Int64);
        }

        // TorchSharp assumes that a new module is on the CPU, so a later to("cpu") would do nothing. This call tells it the real device.
        if (module.parameters().First() is { device_type: not DeviceType.CPU } weight)
            module.to(weight.device);
    }

    /// <summary>All batch norms of a module, including the module itself.</summary>
    public static IEnumerable<BatchNorm2d> GetBatchNorms(this nn.Module module) => module.modules().Prepend(module).OfType<BatchNorm2d>();
}
