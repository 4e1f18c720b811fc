using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>What Python does on its own and TorchSharp leaves to the module: registering submodules, finding them, and freeing intermediate tensors.</summary>
internal static class ModuleExtensions
{
    /// <summary>
    /// Registers submodules by name, as an assignment in Python's <c>__init__</c> does.
    /// </summary>
    /// <remarks>
    /// Not <c>RegisterComponents()</c>: that works once per object, and called by a base class's constructor it would run
    /// before a subclass has made its own submodules, which the optimizer would then never see.
    /// </remarks>
    public static void Register(this nn.Module module, params ReadOnlySpan<(string Name, nn.Module Module)> children)
    {
        foreach (var (name, child) in children)
        {
            module.register_module(name, child);

            // TorchSharp makes the counter of batches in the type of the weights; in PyTorch it is always int64.
            foreach (var norm in child.BatchNorms())
                if (norm.num_batches_tracked is { dtype: not ScalarType.Int64 } counter)
                    norm.num_batches_tracked = counter.to(ScalarType.Int64);
        }

        // TorchSharp takes a new module to be on the CPU, and to("cpu") then does nothing. It is told where the weights were made.
        if (module.parameters().First() is { device_type: not DeviceType.CPU } made)
            module.to(made.device);
    }

    /// <summary>The batch normalisations of a module, itself included.</summary>
    public static IEnumerable<BatchNorm2d> BatchNorms(this nn.Module module) => module.modules().Prepend(module).OfType<BatchNorm2d>();

    /// <summary>
    /// Frees every tensor of the scope but <paramref name="result"/>, as Python does when a line has run and its
    /// temporaries go. What autograd needs for the backward pass it holds itself.
    /// </summary>
    /// <remarks>
    /// Not <c>DisposeEverythingBut</c>: that takes its argument into the scope even when somebody else owns it, such as
    /// the tensor that a user's forward hook put in place of a layer's output.
    /// </remarks>
    public static Tensor Keep(this DisposeScope scope, Tensor result)
    {
        foreach (var temporary in scope.DisposablesView)
            if (!ReferenceEquals(temporary, result))
                temporary.Dispose();
        return result;
    }
}
