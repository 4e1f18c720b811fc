using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>
/// An identity function with a callback in the backward pass. TorchSharp has no gradient hooks. libtorch's engine accumulates a module's weight gradients before it
/// continues with the module's input, so a hook there runs when the gradients are ready.
/// </summary>
internal sealed class BackwardHook : autograd.SingleTensorFunction<BackwardHook>
{
    private const string Listener = nameof(Listener);

    public override string Name => nameof(BackwardHook);

    /// <summary>Attaches a callback to <paramref name="tensor"/>.</summary>
    /// <param name="tensor">The tensor, which shares its memory with the result.</param>
    /// <param name="callback">
    /// The callback, which gets the gradient of the tensor in the backward pass. It must not throw into native code. It must keep the gradient until the next call
    /// and then dispose of it, since the native code still reads it after the callback.
    /// </param>
    public static Tensor Attach(Tensor tensor, Action<Tensor> callback)
    {
        // TorchSharp leaks another tensor of the result's size; the scope disposes of it.
        using var scope = NewDisposeScope();
        return apply(tensor, callback).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(Listener, vars[1]);
        ctx.set_materialize_grads(false); // it would be created like the leaked tensor above
        return (Tensor)vars[0];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ((Action<Tensor>)ctx.get_data(Listener))(grad_output);
        return [grad_output, null!];
    }
}
