using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>The two numbers that make_family_fixtures.py stores for tensors.</summary>
internal static class Sketch
{
    private static readonly double[] pattern = [.. Enumerable.Range(0, 1009).Select(i => (i * 7919 % 1009 / 1009.0) - 0.5)];

    /// <summary>Computes the norm of all tensors together, and the sum of their products with the pattern.</summary>
    public static double[] Compute(params IEnumerable<Tensor> tensors)
    {
        double squares = 0, dot = 0;
        foreach (var tensor in tensors)
        {
            using var scope = NewDisposeScope();
            var i = 0;
            foreach (var value in MemoryMarshal.Cast<byte, double>(tensor.detach().to(ScalarType.Float64).contiguous().bytes))
            {
                squares += value * value;
                dot += value * pattern[i];
                i = i == pattern.Length - 1 ? 0 : i + 1;
            }
        }
        return [Math.Sqrt(squares), dot];
    }
}
