using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Frees the intermediate tensors of a forward pass line by line, as Python does.</summary>
public static class DisposeScopeExtensions
{
    /// <summary>Disposes every tensor of the scope except <paramref name="result"/>.</summary>
    /// <remarks>
    /// <para>In a module's <c>forward</c>, one call per line keeps memory as low as in Python. Tensors that autograd needs for the backward pass stay
    /// alive in libtorch:</para>
    /// <code>
    /// using var scope = NewDisposeScope();
    /// x = scope.Keep(relu(bn1.call(conv1.call(x))));
    /// x = scope.Keep(bn2.call(conv2.call(x)));
    /// return x.MoveToOuterDisposeScope();
    /// </code>
    /// <para>Tensors of the scope do not survive the next call. Read an input that several lines need from outside the scope, as the skip connection of
    /// <see cref="BasicBlock"/> does with its <c>x</c>.</para>
    /// <para>Unlike <see cref="DisposeScope.DisposeEverythingBut(IEnumerable{IDisposable})"/>, this method leaves a <paramref name="result"/> from outside the
    /// scope alone. Such a tensor may belong to someone else, for example to a forward hook that replaced a layer's output.</para>
    /// </remarks>
    /// <param name="scope">The scope of the tensors to dispose.</param>
    /// <param name="result">The tensor that the code goes on with. Its dispose scope, if any, does not change.</param>
    /// <returns><paramref name="result"/> itself.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="scope"/> or <paramref name="result"/> is null.</exception>
    public static Tensor Keep(this DisposeScope scope, Tensor result)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(result);
        foreach (var temporary in scope.DisposablesView)
            if (!ReferenceEquals(temporary, result))
                temporary.Dispose();
        return result;
    }
}
