using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>A large float32 matrix product: as fast as this machine computes.</summary>
public class MatrixProduct
{
    private const long Size = 2048;

    /// <summary>Floating-point operations of one product.</summary>
    public const double Operations = 2.0 * Size * Size * Size;

    private readonly Tensor a = rand(Size, Size), b = rand(Size, Size), product = empty(Size, Size);

    // Into the same memory each time: fresh pages would cost a tenth of it.
    [Benchmark(Description = "2048x2048 by 2048x2048")]
    public void Sgemm() => product.addmm_(a, b, beta: 0, alpha: 1);
}
