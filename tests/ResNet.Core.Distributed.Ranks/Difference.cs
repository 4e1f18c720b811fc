using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

internal static class Difference
{
    /// <summary>Computes the relative difference of each pair of tensors, and returns the largest.</summary>
    public static double ComputeLargest(IEnumerable<Tensor> actual, IEnumerable<Tensor> expected)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return actual.Zip(expected, ComputeRelative).Max();
    }

    /// <summary>Counts the values that are not equal.</summary>
    public static long Count(IEnumerable<Tensor> actual, IEnumerable<Tensor> expected)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return actual.Zip(expected, (a, b) => a.ne(b).sum().item<long>()).Sum();
    }

    /// <summary>Computes the largest difference between two tensors, relative to the largest value of the second one.</summary>
    public static double ComputeRelative(Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (actual.detach().to(ScalarType.Float64), expected.detach().to(ScalarType.Float64));
        var (difference, largest) = (a.sub(b).abs().max().item<double>(), b.abs().max().item<double>());
        return difference == 0 ? 0 : difference / largest;
    }
}
