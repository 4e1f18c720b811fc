using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

internal static class Difference
{
    /// <summary>The largest difference of two tensors' values, as a share of the second one's largest; the worst pair of all.</summary>
    public static double Largest(IEnumerable<Tensor> actual, IEnumerable<Tensor> expected)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return actual.Zip(expected, Relative).Max();
    }

    /// <summary>How many values have other bits.</summary>
    public static long Count(IEnumerable<Tensor> actual, IEnumerable<Tensor> expected)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return actual.Zip(expected, (a, b) => a.ne(b).sum().item<long>()).Sum();
    }

    public static double Relative(Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (actual.detach().to(ScalarType.Float64), expected.detach().to(ScalarType.Float64));
        var (difference, largest) = (a.sub(b).abs().max().item<double>(), b.abs().max().item<double>());
        return difference == 0 ? 0 : difference / largest;
    }
}
