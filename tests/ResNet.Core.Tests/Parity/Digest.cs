using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>What the fixtures store of a large tensor: its norm, its product with a fixed pattern, and eight of its values.</summary>
public sealed record Digest(double Norm, double Dot, double[] Samples)
{
    public static Digest Compute(Tensor tensor)
    {
        var values = Fixture.ReadValues(tensor);
        double squares = 0, dot = 0;
        for (long i = 0; i < values.LongLength; i++)
        {
            squares += values[i] * values[i];
            dot += values[i] * ((i * 7919 % 1009 / 1009.0) - 0.5);
        }

        return new(Math.Sqrt(squares), dot, [.. Enumerable.Range(0, 8).Select(i => values[i * (values.LongLength - 1) / 7])]);
    }
}
