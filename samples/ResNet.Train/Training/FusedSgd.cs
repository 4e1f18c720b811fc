using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// TorchSharp's stochastic gradient descent, with each group's parameters changed in one pass over memory in place of five or six: PyTorch's <c>SGD(fused=True)</c>.
/// </summary>
/// <remarks>libtorch's operation takes numbers as they lie in memory: a parameter, its gradient and its momentum lie alike.</remarks>
/// <param name="groups">Their parameters all get gradients.</param>
/// <param name="learningRate">Of those that have none of their own.</param>
/// <param name="momentum">Above 0.</param>
internal sealed class FusedSgd(SGD.ParamGroup[] groups, double learningRate, double momentum) : SGD(groups, learningRate, momentum: momentum, nesterov: true)
{
    // TorchSharp does not have it, and TorchScript does.
    private readonly jit.CompilationUnit _script = jit.compile("""
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
            Tensor[] parameters = [.. group.Parameters];
            Tensor[] gradients = [.. parameters.Select(parameter => parameter.grad!)];
            Tensor[] momenta = [.. parameters.Select(parameter => ((State)_state[parameter.Handle]).momentum_buffer)];
            _script.invoke("step", parameters, gradients, momenta, group.Options.weight_decay!.Value, group.Options.momentum!.Value, group.LearningRate);
        }
        return null!;
    }
}
