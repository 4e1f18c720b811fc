using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Stochastic gradient descent that updates all parameters of a group in one libtorch operation, like PyTorch's <c>SGD(fused=True)</c>: on the CPU one pass
/// over memory instead of five or six, on a GPU one kernel instead of five per parameter.
/// </summary>
/// <remarks>
/// <para>Otherwise it is TorchSharp's <see cref="SGD"/>, including its state: the weights after a step are the same except for rounding.</para>
/// <para><see cref="SGD"/>'s own step runs where the fused operation does not apply: in the first step, which creates the momentum buffers; with momentum 0; with
/// 16-bit weights; with parameters of several devices or types; and if a gradient has another memory layout than its parameter.</para>
/// </remarks>
public sealed class FusedSGD : SGD
{
    // libtorch has the operation since 2.4. TorchSharp does not expose it, but TorchScript does.
    private static readonly Lazy<jit.CompilationUnit> script = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], momenta: List[Tensor], weight_decay: float, momentum: float, lr: float, dampening: float, nesterov: bool):
            torch._fused_sgd_(parameters, gradients, momenta, weight_decay=weight_decay, momentum=momentum, lr=lr, dampening=dampening, nesterov=nesterov, maximize=False, is_first_step=False)
            return parameters[0]

        """));

    /// <summary>Creates an optimizer for one group of parameters.</summary>
    /// <param name="parameters">The parameters to optimize.</param>
    /// <param name="lr">The learning rate.</param>
    /// <param name="momentum">The momentum factor.</param>
    /// <param name="dampening">The dampening of the momentum.</param>
    /// <param name="weight_decay">The weight decay (L2 penalty).</param>
    /// <param name="nesterov">Whether to use Nesterov momentum.</param>
    /// <param name="maximize">Whether to maximize the loss instead of minimizing it.</param>
    /// <exception cref="ArgumentException">A number is negative, or <paramref name="nesterov"/> is true with zero momentum or with dampening.</exception>
    public FusedSGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        : base(parameters, lr, momentum, dampening, weight_decay, nesterov, maximize)
    {
    }

    /// <summary>Creates an optimizer for several groups of parameters.</summary>
    /// <param name="parameters">The groups with their options. An omitted option is <paramref name="lr"/>, false or 0.</param>
    /// <param name="lr">The default learning rate.</param>
    /// <exception cref="ArgumentException"><paramref name="lr"/> is negative.</exception>
    public FusedSGD(IEnumerable<ParamGroup> parameters, double lr)
        : base(parameters, lr)
    {
    }

    /// <summary>Sets the gradients to null, as PyTorch does. The next backward pass then stores its gradients instead of adding them to zeros.</summary>
    public override void zero_grad()
    {
        foreach (var parameter in parameters())
            parameter.grad = null;
    }

    /// <summary>Updates every parameter that has a gradient.</summary>
    /// <param name="closure">Computes the loss and the gradients before the update; optional.</param>
    /// <returns>The closure's loss; null without a closure.</returns>
    public override Tensor? step(Func<Tensor>? closure = null)
    {
        var loss = closure?.Invoke();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var groups = ParamGroups.Cast<ParamGroup>().Select(group => new Group(group, [.. FindTrained(group)])).ToArray();
        if (groups.All(group => group.IsFusable))
            foreach (var group in groups)
                group.Step();
        else
            base.step();
        return loss;
    }

    private IEnumerable<(Tensor Parameter, Tensor Gradient, Tensor? Momentum)> FindTrained(ParamGroup group)
    {
        foreach (var parameter in group.Parameters)
            if (parameter.grad is { } gradient)
                yield return (parameter, gradient, ((State)_state[parameter.Handle]).momentum_buffer);
    }

    private sealed record Group(ParamGroup Source, (Tensor Parameter, Tensor Gradient, Tensor? Momentum)[] Members)
    {
        public bool IsFusable => Source.Options.momentum > 0 && Source.Options.maximize != true && Members.All(member => member.Momentum is { } momentum &&
            member.Parameter.dtype is ScalarType.Float32 or ScalarType.Float64 && HaveSameTypeAndDevice(member.Parameter, Members[0].Parameter) &&
            IsDense(member.Parameter) && HaveSameLayout(member.Parameter, member.Gradient) && HaveSameLayout(member.Parameter, momentum));

        public void Step()
        {
            if (Members.Length == 0) return;
            var options = Source.Options;
            // Held in variables: for plain numbers, TorchSharp creates temporaries that the garbage collector may free during the call.
            Scalar[] numbers = [options.weight_decay!.Value, options.momentum!.Value, options.LearningRate!.Value, options.dampening!.Value];
            script.Value.invoke("step", Members.Select(member => member.Parameter).ToArray(), Members.Select(member => member.Gradient).ToArray(), Members.Select(member => member.Momentum!).ToArray(),
                numbers[0], numbers[1], numbers[2], numbers[3], options.nesterov!.Value);
            GC.KeepAlive(numbers);
        }

        private static bool HaveSameTypeAndDevice(Tensor one, Tensor other) => one.dtype == other.dtype && one.device_type == other.device_type && one.device_index == other.device_index;

        /// <summary>Whether two tensors have the same layout. The operation walks through their memory in parallel.</summary>
        private static bool HaveSameLayout(Tensor one, Tensor other) => HaveSameTypeAndDevice(one, other) && one.shape.AsSpan().SequenceEqual(other.shape) && ListStrides(one).SequenceEqual(ListStrides(other));

        /// <summary>Whether the elements fill their memory without gaps or overlaps, in any order of the dimensions.</summary>
        private static bool IsDense(Tensor tensor)
        {
            var next = 1L;
            foreach (var (size, stride) in ListStrides(tensor).OrderBy(dimension => dimension.Stride))
            {
                if (stride != next) return false;
                next *= size;
            }
            return true;
        }

        /// <summary>Sizes and strides without dimensions of one element, whose stride is meaningless.</summary>
        private static IEnumerable<(long Size, long Stride)> ListStrides(Tensor tensor) => tensor.shape.Zip(tensor.stride()).Where(dimension => dimension.First != 1);
    }
}
