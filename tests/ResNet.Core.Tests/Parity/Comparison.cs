using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>Asserts that numbers are PyTorch's up to a tolerance, relative to the size of what is compared.</summary>
internal sealed class Comparison(double tolerance)
{
    /// <summary>How far apart the worst pair was, relative to its scale.</summary>
    public double Largest { get; private set; }

    public void AssertClose(Digest expected, Tensor tensor, string name)
    {
        var actual = Digest.Of(tensor);
        AssertClose(expected.Norm, actual.Norm, expected.Norm, $"norm of {name}");
        // The product can cancel to nothing; what it is a part of is the norm.
        AssertClose(expected.Dot, actual.Dot, expected.Norm, $"pattern of {name}");
        AssertClose(expected.Samples, actual.Samples, $"samples of {name}");
    }

    /// <summary>The scale is the largest of the expected values.</summary>
    public void AssertClose(double[] expected, double[] actual, string name)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
            AssertClose(expected[i], actual[i], scale, $"{name}[{i}]");
    }

    private void AssertClose(double expected, double actual, double scale, string name)
    {
        // Where all of a tensor is zero, so has the other to be.
        var apart = expected == actual ? 0 : Math.Abs(expected - actual) / scale;
        Assert.True(apart <= tolerance, $"{name}: PyTorch gives {expected}, ResNet.Core {actual}; {apart:g3} apart, {tolerance:g3} allowed");
        Largest = Math.Max(Largest, apart);
    }
}
