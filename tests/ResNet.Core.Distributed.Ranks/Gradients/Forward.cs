using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Gradients;

/// <summary>A module whose forward pass is a function.</summary>
internal sealed class Forward : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _forward;

    public Forward(Func<Tensor, Tensor> forward, params (string Name, nn.Module Module)[] modules)
        : base(nameof(Forward))
    {
        _forward = forward;
        foreach (var (name, module) in modules)
            register_module(name, module);
    }

    /// <summary>Also registers a parameter of the module itself.</summary>
    public Forward(Func<Tensor, Tensor> forward, TorchSharp.Modules.Parameter parameter, params (string Name, nn.Module Module)[] modules)
        : this(forward, modules) => register_parameter("own", parameter);

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _forward(input).MoveToOuterDisposeScope();
    }
}
