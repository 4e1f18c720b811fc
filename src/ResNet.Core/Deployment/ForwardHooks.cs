using System.Collections;
using System.Reflection;
using static TorchSharp.torch;
using HookableModule = TorchSharp.torch.nn.HookableModule<
    System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>,
    System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>>;

namespace ResNet.Core.Deployment;

/// <summary>
/// Detects forward hooks, which can change a module's inputs and outputs. TorchSharp keeps them in four protected fields, the same in 0.105.1 and 0.107.0, and does not
/// expose them.
/// </summary>
/// <remarks>
/// With a TorchSharp version that lacks one of the fields, hooks would be overlooked. The alternative would be to refuse every network. The tests fail with such a
/// version.
/// </remarks>
internal static class ForwardHooks
{
    private const BindingFlags Protected = BindingFlags.Instance | BindingFlags.NonPublic;

    // Constant names, so that trimming keeps the fields.
    private static readonly FieldInfo?[] hooks =
    [
        typeof(HookableModule).GetField("pre_hooks", Protected),
        typeof(HookableModule).GetField("post_hooks", Protected),
        typeof(HookableModule).GetField("module_pre_hooks", Protected),
        typeof(HookableModule).GetField("module_post_hooks", Protected),
    ];

    public static bool HasAny(nn.Module<Tensor, Tensor> module) => hooks.Any(field => field?.GetValue(module) is ICollection { Count: > 0 });
}
