using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>Asserts that numbers match PyTorch's within a tolerance, relative to their scale.</summary>
internal sealed class Comparison(double tolerance)
{
    /// <summary>The largest difference so far, relative to its scale.</summary>
    public double Largest { get; private set; }

    public void AssertClose(Digest expected, Tensor tensor, string name)
    {
        var actual = Digest.Compute(tensor);
        AssertClose(expected.Norm, actual.Norm, expected.Norm, $"norm of {name}");
        // The product can cancel to 0, so its scale is the norm.
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
        // If all expected values are 0, the scale is 0, and only 0 matches.
        var difference = expected == actual ? 0 : Math.Abs(expected - actual) / scale;
        Assert.True(difference <= tolerance, $"{name}: PyTorch gives {expected}, ResNet.Core {actual}; {difference:g3} apart, {tolerance:g3} allowed");
        Largest = Math.Max(Largest, difference);
    }
}
