using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>What is stored of a large tensor: its norm, its product with a fixed pattern, and eight of its values.</summary>
public sealed record Digest(double Norm, double Dot, double[] Samples)
{
    public static Digest Of(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var values = tensor.detach().to(ScalarType.Float64).flatten().data<double>().ToArray();
        double squares = 0, dot = 0;
        for (long i = 0; i < values.LongLength; i++)
        {
            squares += values[i] * values[i];
            dot += values[i] * ((i * 7919 % 1009 / 1009.0) - 0.5);
        }

        return new(Math.Sqrt(squares), dot, [.. Enumerable.Range(0, 8).Select(i => values[i * (values.LongLength - 1) / 7])]);
    }

    /// <summary>Asserts that the tensor has this digest, to a tolerance relative to the size of what is compared.</summary>
    public void AssertOf(Tensor tensor, string name, double tolerance)
    {
        var actual = Of(tensor);
        AssertClose(Norm, actual.Norm, Norm, $"norm of {name}", tolerance);
        // The product can cancel to nothing; what it is a part of is the norm.
        AssertClose(Dot, actual.Dot, Norm, $"pattern of {name}", tolerance);
        AssertClose(Samples, actual.Samples, $"samples of {name}", tolerance);
    }

    /// <summary>Asserts that the values agree to a tolerance relative to the largest of them.</summary>
    public static void AssertClose(double[] expected, double[] actual, string name, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
            AssertClose(expected[i], actual[i], scale, $"{name}[{i}]", tolerance);
    }

    private static void AssertClose(double expected, double actual, double scale, string name, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * scale, $"{name}: PyTorch gives {expected}, ResNet.Core {actual}; {Math.Abs(expected - actual) / scale:g3} apart, {tolerance:g3} allowed");
}
