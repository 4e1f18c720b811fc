using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>
/// Creates images and labels by a formula in whole numbers, so that Python computes the same bits (<c>ddp_gloo.py</c>).
/// </summary>
internal static class Images
{
    public const int Classes = 10;
    private const int Side = 32;
    private const int Pixels = 3 * Side * Side;

    /// <summary>Creates a share of a step's batch, shape <c>(count, 3, 32, 32)</c>, with values from -0.5 to 0.5.</summary>
    public static Tensor CreateBatch(int step, int batch, int first, int count, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var start = ((long)step * batch + first) * Pixels;
        var i = arange(start, start + (long)count * Pixels, ScalarType.Int64);
        var scattered = i.mul(7919).add(i.bitwise_right_shift(3).mul(104729)).remainder(10007);
        return scattered.to(ScalarType.Float64).div(10007).sub(0.5).reshape(count, 3, Side, Side).to(type).MoveToOuterDisposeScope();
    }

    public static Tensor CreateLabels(int step, int batch, int first, int count)
    {
        using var scope = NewDisposeScope();
        var start = (long)step * batch + first;
        return arange(start, start + count, ScalarType.Int64).mul(7).remainder(Classes).MoveToOuterDisposeScope();
    }
}
