using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// TorchSharp's stochastic gradient descent with Nesterov momentum, a group of parameters in one pass over memory in place of six: PyTorch's <c>SGD(fused=True)</c>.
/// </summary>
/// <remarks>libtorch's operation takes the numbers as they lie in memory: a parameter, its gradient and its momentum have to lie alike, as they do where nobody has moved one of them.</remarks>
/// <param name="groups">All of their parameters have a gradient in every step.</param>
/// <param name="learningRate">Of the groups.</param>
/// <param name="momentum">Above 0.</param>
internal sealed class FusedSgd(SGD.ParamGroup[] groups, double learningRate, double momentum) : SGD(groups, learningRate, momentum: momentum, nesterov: true)
{
    // TorchSharp does not have the operation, TorchScript does. A momentum of zero makes the first step what it is without one.
    private static readonly jit.CompilationUnit script = jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], momenta: List[Tensor], weight_decay: float, momentum: float, lr: float):
            torch._fused_sgd_(parameters, gradients, momenta, weight_decay=weight_decay, momentum=momentum, lr=lr, dampening=0.0, nesterov=True, maximize=False, is_first_step=False)
            return parameters[0]

        """);

    /// <param name="closure">None: the gradients are there.</param>
    public override Tensor step(Func<Tensor>? closure = null)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var group in ParamGroups.Cast<ParamGroup>())
        {
            Parameter[] parameters = [.. group.Parameters];
            script.invoke(
                "step",
                parameters.ToArray<Tensor>(),
                parameters.Select(parameter => parameter.grad!).ToArray(),
                parameters.Select(MomentumOf).ToArray(),
                group.Options.weight_decay!.Value,
                group.Options.momentum!.Value,
                group.LearningRate);
        }
        return null!; // as without a closure
    }

    private Tensor MomentumOf(Parameter parameter) =>
        ((State)_state[parameter.Handle]).momentum_buffer ??= zeros_like(parameter, requires_grad: false).DetachFromDisposeScope();
}
