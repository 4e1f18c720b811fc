using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Stochastic gradient descent that changes all parameters of a group in one operation of libtorch, PyTorch's <c>SGD(fused=True)</c>: on
/// the CPU one pass over memory in place of five or six, on a GPU one kernel in place of five for each parameter.
/// </summary>
/// <remarks>
/// <para>It is TorchSharp's <see cref="SGD"/> in all else, its state included: the weights after a step are the same but for rounding.</para>
/// <para>Steps that the operation is not made for are <see cref="SGD"/>'s own: the first one, in which momenta begin, momentum 0, 16-bit
/// weights, parameters on several devices or of several types, and a gradient whose numbers lie in another order than its parameter's.</para>
/// </remarks>
public sealed class FusedSGD : SGD
{
    // libtorch has the operation from 2.4 on, TorchSharp does not reach it, and TorchScript does.
    private static readonly Lazy<jit.CompilationUnit> script = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], momenta: List[Tensor], weight_decay: float, momentum: float, lr: float, dampening: float, nesterov: bool):
            torch._fused_sgd_(parameters, gradients, momenta, weight_decay=weight_decay, momentum=momentum, lr=lr, dampening=dampening, nesterov=nesterov, maximize=False, is_first_step=False)
            return parameters[0]

        """));

    /// <param name="parameters">What learns.</param>
    /// <param name="lr">The learning rate.</param>
    /// <param name="momentum">How much of the last step the next one keeps.</param>
    /// <param name="dampening">How much of the gradient the momentum leaves out.</param>
    /// <param name="weight_decay">How strongly weights are drawn to zero.</param>
    /// <param name="nesterov">Whether momentum is Nesterov's.</param>
    /// <param name="maximize">Whether the loss is to grow.</param>
    /// <exception cref="ArgumentException">A number is below 0, or Nesterov's momentum is 0 or dampened.</exception>
    public FusedSGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        : base(parameters, lr, momentum, dampening, weight_decay, nesterov, maximize)
    {
    }

    /// <param name="parameters">What learns, in groups with numbers of their own. What a group leaves out is <paramref name="lr"/>, false or 0.</param>
    /// <param name="lr">The learning rate.</param>
    /// <exception cref="ArgumentException"><paramref name="lr"/> is below 0.</exception>
    public FusedSGD(IEnumerable<ParamGroup> parameters, double lr)
        : base(parameters, lr)
    {
    }

    /// <summary>Takes the gradients away, as PyTorch does: the next backward pass stores its own in place of adding them to zeros.</summary>
    public override void zero_grad()
    {
        foreach (var parameter in parameters())
            parameter.grad = null;
    }

    /// <summary>Changes every parameter that has a gradient.</summary>
    /// <param name="closure">Computes the loss and the gradients, where they are not there yet.</param>
    /// <returns>The closure's loss; null without a closure.</returns>
    public override Tensor? step(Func<Tensor>? closure = null)
    {
        var loss = closure?.Invoke();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var groups = ParamGroups.Cast<ParamGroup>().Select(group => new Group(group, [.. Learning(group)])).ToArray();
        if (groups.All(group => group.IsFusable))
            foreach (var group in groups)
                group.Step();
        else
            base.step();
        return loss;
    }

    private IEnumerable<(Tensor Parameter, Tensor Gradient, Tensor? Momentum)> Learning(ParamGroup group)
    {
        foreach (var parameter in group.Parameters)
            if (parameter.grad is { } gradient)
                yield return (parameter, gradient, ((State)_state[parameter.Handle]).momentum_buffer);
    }

    private sealed record Group(ParamGroup Of, (Tensor Parameter, Tensor Gradient, Tensor? Momentum)[] Members)
    {
        public bool IsFusable => Of.Options.momentum > 0 && Of.Options.maximize != true && Members.All(member => member.Momentum is { } momentum &&
            member.Parameter.dtype is ScalarType.Float32 or ScalarType.Float64 && AreAlike(member.Parameter, Members[0].Parameter) &&
            IsDense(member.Parameter) && LieAlike(member.Parameter, member.Gradient) && LieAlike(member.Parameter, momentum));

        public void Step()
        {
            if (Members.Length == 0) return;
            var options = Of.Options;
            // As objects that are held: TorchSharp makes others of plain numbers, which the garbage collector may free during the call.
            Scalar[] numbers = [options.weight_decay!.Value, options.momentum!.Value, options.LearningRate!.Value, options.dampening!.Value];
            script.Value.invoke("step", Members.Select(member => member.Parameter).ToArray(), Members.Select(member => member.Gradient).ToArray(), Members.Select(member => member.Momentum!).ToArray(),
                numbers[0], numbers[1], numbers[2], numbers[3], options.nesterov!.Value);
            GC.KeepAlive(numbers);
        }

        private static bool AreAlike(Tensor one, Tensor other) => one.dtype == other.dtype && one.device_type == other.device_type && one.device_index == other.device_index;

        /// <summary>The operation goes through the memory of both from the first number to the last.</summary>
        private static bool LieAlike(Tensor one, Tensor other) => AreAlike(one, other) && one.shape.AsSpan().SequenceEqual(other.shape) && Steps(one).SequenceEqual(Steps(other));

        /// <summary>Whether the numbers lie in memory without gaps and each once, in whatever order of the dimensions.</summary>
        private static bool IsDense(Tensor tensor)
        {
            var next = 1L;
            foreach (var (size, stride) in Steps(tensor).OrderBy(dimension => dimension.Stride))
            {
                if (stride != next) return false;
                next *= size;
            }
            return true;
        }

        /// <summary>A dimension of one element has a stride that nobody takes.</summary>
        private static IEnumerable<(long Size, long Stride)> Steps(Tensor tensor) => tensor.shape.Zip(tensor.stride()).Where(dimension => dimension.First != 1);
    }
}
