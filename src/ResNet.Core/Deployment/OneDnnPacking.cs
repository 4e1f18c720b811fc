using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>Orders a convolution's weights as oneDNN's kernels read them.</summary>
/// <param name="dtype">Of the packed weights.</param>
internal sealed class OneDnnPacking(ScalarType dtype) : IDisposable
{
    private readonly TorchScript _script = new("""
        def pack(self, weight: Tensor, stride: int, padding: int, groups: int) -> Tensor:
            return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(weight), [padding, padding], [stride, stride], [1, 1], groups)
        def pack_for(self, packed: Tensor, stride: int, groups: int, top: int, rows: int, row_padding: int, left: int, columns: int, column_padding: int, n: int, c: int, h: int, w: int) -> Tensor:
            needed = torch.contiguous(torch.narrow(torch.narrow(torch.to_dense(packed), 2, top, rows), 3, left, columns))
            return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(needed), [row_padding, column_padding], [stride, stride], [1, 1], groups, [n, c, h, w])
        def same_layout(self, one: Tensor, other: Tensor) -> bool:
            return torch.equal(ops.mkldnn._get_mkldnn_serialized_md(one), ops.mkldnn._get_mkldnn_serialized_md(other))
        """);

    /// <summary>For any size: a layout that serves most of them.</summary>
    /// <returns>The weight and the bias.</returns>
    /// <exception cref="ArgumentException">They are not all finite in that type.</exception>
    public Tensor[] Pack(FoldedConvolution convolution)
    {
        using var scope = NewDisposeScope();
        var name = $"{convolution.Name} with its batch norm folded in";
        var weight = Foldable.Finite(name, convolution.Weight.to(dtype));
        var bias = Foldable.Finite(name, convolution.Bias.to(dtype, copy: true));
        var packed = _script.Call<Tensor>("pack", weight, (int)convolution.Stride, (int)convolution.Padding, (int)convolution.Groups);
        return [packed.DetachFromDisposeScope(), bias.DetachFromDisposeScope()];
    }

    /// <summary>For one size, without the taps that meet no pixel there.</summary>
    /// <param name="packed">For any size.</param>
    /// <param name="convolution">Its weights may be disposed.</param>
    /// <param name="input">Of the convolution.</param>
    /// <returns><paramref name="packed"/> itself where oneDNN wants the same.</returns>
    public Tensor PackFor(Tensor packed, FoldedConvolution convolution, FeatureMap input)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = input.Taps(convolution);
        var size = input.Size!.Value;
        long[] numbers =
        [
            convolution.Stride, convolution.Groups, rows.First, rows.Count, rows.Padding, columns.First, columns.Count, columns.Padding,
            size.Images, convolution.InChannels, size.Height, size.Width,
        ];
        var again = _script.Call<Tensor>("pack_for", [packed, .. numbers.Select(number => (object)checked((int)number))]);
        return _script.Call<Scalar>("same_layout", packed, again).ToBoolean() ? packed : again.DetachFromDisposeScope();
    }

    public void Dispose() => _script.Dispose();
}
