using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>
/// The identity, which tells when the backward pass comes by. TorchSharp has no hooks on gradients; but libtorch's engine adds up a
/// module's weight gradients before it goes on to what made the module's input, and that is where this stands.
/// </summary>
internal sealed class GradientSignal : autograd.SingleTensorFunction<GradientSignal>
{
    private const string Listener = nameof(Listener);

    public override string Name => nameof(GradientSignal);

    /// <summary>Puts the identity behind <paramref name="tensor"/>.</summary>
    /// <param name="tensor">It shares its memory with the result.</param>
    /// <param name="passed">
    /// Called in the backward pass, with the gradient of the tensor. It must not throw: below it is native code. The gradient is to be
    /// kept until the next call, and disposed of then: the native code still reads it after this one.
    /// </param>
    public static Tensor Put(Tensor tensor, Action<Tensor> passed)
    {
        // TorchSharp allocates a tensor of the result's size beside it, and forgets it.
        using var scope = NewDisposeScope();
        return apply(tensor, passed).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(Listener, vars[1]);
        ctx.set_materialize_grads(false); // it would be made like the tensor that was forgotten above
        return (Tensor)vars[0];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ((Action<Tensor>)ctx.get_data(Listener))(grad_output);
        return [grad_output, null!];
    }
}
