using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>The values that make_weights.py puts into the i-th tensor of a file.</summary>
internal static class Pattern
{
    public static Tensor Create(int index, long[] shape, ScalarType dtype = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        var count = shape.Aggregate(1L, (product, length) => product * length);
        var whole = (arange(count, dtype: ScalarType.Int64) * 7 + index * 13) % 251 - 125;
        var values = dtype switch
        {
            ScalarType.Bool => whole % 2,
            ScalarType.Byte => whole + 125,
            ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16 => whole.to(ScalarType.Float64) / 64,
            _ => whole,
        };
        return values.to(dtype).reshape(shape).MoveToOuterDisposeScope();
    }

    /// <summary>Asserts that a module's tensors hold the patterns, numbered in the order of <paramref name="names"/>.</summary>
    public static void AssertIn(nn.Module module, IEnumerable<string> names)
    {
        using var scope = NewDisposeScope();
        var state = module.state_dict();
        foreach (var (index, name) in names.Index())
            AssertEqual(Create(index, state[name].shape, state[name].dtype), state[name], name);
    }

    public static void AssertEqual(Tensor expected, Tensor actual, string name)
    {
        using var scope = NewDisposeScope();
        Assert.Equal((name, expected.dtype), (name, actual.dtype));
        Assert.Equal(expected.shape, actual.shape);
        if (!expected.eq(actual).all().item<bool>())
            Assert.Fail($"{name}: expected {expected.str()}, got {actual.str()}");
    }
}
