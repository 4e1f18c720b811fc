using System.Collections;
using System.Reflection;
using static TorchSharp.torch;
using HookableModule = TorchSharp.torch.nn.HookableModule<
    System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>,
    System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>>;

namespace ResNet.Core.Deployment;

/// <summary>
/// Whether a module has forward hooks, which may do anything to what goes in and comes out. TorchSharp keeps them in four protected fields,
/// the same in 0.105.1 and 0.107.0, and tells nobody of them.
/// </summary>
/// <remarks>
/// A TorchSharp without one of the fields would have its hooks overlooked: the other way, nobody could fold any network with it. The tests
/// fail with such a TorchSharp.
/// </remarks>
internal static class ForwardHooks
{
    private const BindingFlags Protected = BindingFlags.Instance | BindingFlags.NonPublic;

    // Each by a constant name, so that trimming sees it and keeps the field.
    private static readonly FieldInfo?[] hooks =
    [
        typeof(HookableModule).GetField("pre_hooks", Protected),
        typeof(HookableModule).GetField("post_hooks", Protected),
        typeof(HookableModule).GetField("module_pre_hooks", Protected),
        typeof(HookableModule).GetField("module_post_hooks", Protected),
    ];

    public static bool Any(nn.Module<Tensor, Tensor> module) => hooks.Any(field => field?.GetValue(module) is ICollection { Count: > 0 });
}
