using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>Reorders a convolution's weights for oneDNN's kernels.</summary>
/// <param name="dtype">The type of the packed weights.</param>
internal sealed class OneDnnPacking(ScalarType dtype) : IDisposable
{
    private readonly TorchScript _script = new("""
        def pack(self, weight: Tensor, stride: int, padding: int, groups: int) -> Tensor:
            return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(weight), [padding, padding], [stride, stride], [1, 1], groups)
        def pack_for(self, weight: Tensor, stride: int, groups: int, row_padding: int, column_padding: int, n: int, c: int, h: int, w: int) -> Tensor:
            return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(weight), [row_padding, column_padding], [stride, stride], [1, 1], groups, [n, c, h, w])
        def same_layout(self, one: Tensor, other: Tensor) -> bool:
            return torch.equal(ops.mkldnn._get_mkldnn_serialized_md(one), ops.mkldnn._get_mkldnn_serialized_md(other))
        """);

    /// <summary>Prepares the weights for any size: those of 1x1 convolutions as they are, the others in a layout that suits most sizes.</summary>
    /// <remarks>
    /// oneDNN prefers many layouts for 1x1 convolutions, and converts the plain layout to them with compiled kernels, but some packed layouts to others with a loop that
    /// takes longer than the network.
    /// </remarks>
    /// <returns>The weight and the bias.</returns>
    /// <exception cref="ArgumentException">The weights are not finite in the type.</exception>
    public Tensor[] Pack(FoldedConvolution convolution)
    {
        using var scope = NewDisposeScope();
        var name = $"{convolution.Name} with its batch norm folded in";
        var weight = Foldable.ExpectFinite(name, convolution.Weight.to(dtype));
        var bias = Foldable.ExpectFinite(name, convolution.Bias.to(dtype, copy: true));
        var packed = IsPacked(convolution)
            ? _script.Call<Tensor>("pack", weight, (int)convolution.Stride, (int)convolution.Padding, (int)convolution.Groups)
            : weight.clone();
        return [packed.DetachFromDisposeScope(), bias.DetachFromDisposeScope()];
    }

    /// <summary>Packs the weights for one size, without kernel taps that only see padding.</summary>
    /// <param name="any">The weights for any size.</param>
    /// <param name="bias">The bias.</param>
    /// <param name="convolution">The convolution for the size.</param>
    /// <returns>The weight and the bias; <paramref name="any"/> and <paramref name="bias"/> themselves if oneDNN uses the same layout.</returns>
    public Tensor[] PackFor(Tensor any, Tensor bias, OneDnnConvolution convolution)
    {
        using var scope = NewDisposeScope();
        var size = convolution.Input.Size!.Value;
        var isPacked = IsPacked(convolution.Convolution);
        var weight = isPacked ? any.to_dense() : any;
        if (convolution.IsMatrix)
        {
            var output = convolution.Output.Size!.Value;
            var matrix = convolution.ToMatrix(weight);
            return [Call(matrix, 1, 1, 0, 0, 1, matrix.shape[1], size.Images, 1).DetachFromDisposeScope(), bias.repeat(output.Height * output.Width).DetachFromDisposeScope()];
        }
        var (folded, (rows, columns)) = (convolution.Convolution, convolution.Taps);
        var needed = weight.narrow(2, rows.First, rows.Count).narrow(3, columns.First, columns.Count).contiguous();
        var again = Call(needed, folded.Stride, folded.Groups, rows.Padding, columns.Padding, size.Images, folded.InChannels, size.Height, size.Width);
        return [isPacked && _script.Call<Scalar>("same_layout", any, again).ToBoolean() ? any : again.DetachFromDisposeScope(), bias];

        Tensor Call(Tensor weight, params long[] numbers) =>
            _script.Call<Tensor>("pack_for", [weight, .. numbers.Select(number => (object)checked((int)number))]);
    }

    public void Dispose() => _script.Dispose();

    private static bool IsPacked(FoldedConvolution convolution) => convolution.Kernel > 1;
}
