using Xunit.Abstractions;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

public class GradientTests(ITestOutputHelper log)
{
    [Theory]
    [CpuData(Stem.Conv7)]
    [CpuData(Stem.Conv7MaxPool)]
    [CpuData(Stem.Conv3)]
    [CudaData(Stem.Conv7)]
    [CudaData(Stem.Conv7MaxPool)]
    [CudaData(Stem.Conv3)]
    public void Every_parameter_of_the_network_gets_a_finite_nonzero_gradient(string device, Stem stem)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = new ResNet18(10, stem, new Device(device));
        using var x = rand([4, 3, 64, 64], device: new Device(device), requires_grad: true);

        F.cross_entropy(model.forward(x), tensor([0L, 3, 7, 9], device: new Device(device))).backward();

        Assert.Equal(62, model.named_parameters().Count());
        foreach (var (name, parameter) in model.named_parameters())
            AssertFiniteAndNonzero(name, parameter.grad);
        AssertFiniteAndNonzero("x", x.grad);
    }

    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_parameter_of_every_network_gets_a_finite_nonzero_gradient(string architecture)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = Family.Create(architecture, 10);
        using var x = rand([2, 3, 33, 33], requires_grad: true);

        F.cross_entropy(model.forward(x), tensor([0L, 7])).backward();

        foreach (var (name, parameter) in model.named_parameters())
            AssertFiniteAndNonzero(name, parameter.grad);
        AssertFiniteAndNonzero("x", x.grad);
    }

    [Theory]
    [CpuData(4, 4, 1)]
    [CpuData(4, 6, 2)]
    [CudaData(4, 6, 2)]
    public void Every_parameter_of_a_block_gets_a_finite_nonzero_gradient(string device, long in_channels, long out_channels, long stride)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var block = new BasicBlock(in_channels, out_channels, stride, new Device(device));
        using var x = rand([2, in_channels, 8, 8], device: new Device(device), requires_grad: true);

        // Squared, because the sum of a batch norm's output hardly depends on the weights before it.
        block.forward(x).square().sum().backward();

        foreach (var (name, parameter) in block.named_parameters())
            AssertFiniteAndNonzero(name, parameter.grad);
        AssertFiniteAndNonzero("x", x.grad);
    }

    [Theory]
    [CpuData(16, 4, 1, 1, 64)]
    [CpuData(8, 8, 2, 4, 32)]
    [CudaData(8, 8, 2, 4, 32)]
    public void Every_parameter_of_a_bottleneck_gets_a_finite_nonzero_gradient(string device, long in_channels, long planes, long stride, long groups, long base_width)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var block = new Bottleneck(in_channels, planes, stride, groups, base_width, new Device(device));
        using var x = rand([2, in_channels, 8, 8], device: new Device(device), requires_grad: true);

        block.forward(x).square().sum().backward();

        foreach (var (name, parameter) in block.named_parameters())
            AssertFiniteAndNonzero(name, parameter.grad);
        AssertFiniteAndNonzero("x", x.grad);
    }

    private static void AssertFiniteAndNonzero(string name, Tensor? gradient)
    {
        Assert.True(gradient is not null, $"{name} has no gradient");
        Assert.True(gradient.isfinite().all().item<bool>(), $"{name} has a gradient that is not finite");
        Assert.True(gradient.abs().max().item<float>() > 0, $"{name} has a gradient of zero");
    }

    /// <summary>
    /// This is the purpose of the residual connection: gradients keep their size through many layers. Without it, batch norm makes
    /// them explode rather than vanish. Seeds 0 to 2 gave factors of 44 to 52 with it and of 1.3e7 to 3.6e7 without.
    /// </summary>
    [Theory]
    [CpuData(0)]
    [CpuData(1)]
    [CpuData(2)]
    [CudaData(0)]
    public void Gradients_keep_their_size_through_50_blocks_but_not_without_shortcuts(string device, int seed)
    {
        var residual = MeasureGradientRatio(() => new BasicBlock(16, 16, device: new Device(device)));
        var plain = MeasureGradientRatio(() => new PlainBlock(16, new Device(device)));
        log.WriteLine($"seed {seed}: the gradient grows {residual:g3} times, without shortcuts {plain:g3} times");
        Assert.InRange(residual, 1 / 100.0, 100);
        Assert.InRange(plain, 100_000, double.MaxValue);

        double MeasureGradientRatio(Func<BasicBlock> create)
        {
            using var scope = NewDisposeScope();
            manual_seed(seed);
            using var blocks = nn.Sequential(Enumerable.Range(0, 50).Select(_ => create()));
            using var x = randn([4, 16, 16, 16], device: new Device(device), requires_grad: true);
            var y = blocks.forward(x);
            var gradient = randn_like(y);
            y.backward([gradient]);
            return x.grad!.norm().item<float>() / gradient.norm().item<float>();
        }
    }

    /// <summary>The block of a plain network: the same layers without the shortcut.</summary>
    private sealed class PlainBlock(long channels, Device device) : BasicBlock(channels, channels, device: device)
    {
        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            return F.relu(bn2.call(conv2.call(F.relu(bn1.call(conv1.call(x)))))).MoveToOuterDisposeScope();
        }
    }

    /// <summary>
    /// Compares every element of every gradient with (L(p + h) - L(p - h)) / 2h. In float64 with h = 1e-6 the error of the
    /// quotient is about 1e-10 / 1e-6 times L's curvature; 1e-6 relative to the largest gradient leaves room for both.
    /// </summary>
    [Theory]
    [InlineData(2, 2, 1)]
    [InlineData(2, 3, 1)]
    [InlineData(2, 3, 2)]
    public void Gradients_of_a_block_agree_with_finite_differences(long in_channels, long out_channels, long stride) =>
        AssertFiniteDifferences(() => new BasicBlock(in_channels, out_channels, stride, dtype: ScalarType.Float64), in_channels);

    [Theory]
    [InlineData(4, 1, 1, 1, 128)]
    [InlineData(3, 2, 2, 2, 64)]
    public void Gradients_of_a_bottleneck_agree_with_finite_differences(long in_channels, long planes, long stride, long groups, long base_width) =>
        AssertFiniteDifferences(() => new Bottleneck(in_channels, planes, stride, groups, base_width, dtype: ScalarType.Float64), in_channels);

    private static void AssertFiniteDifferences(Func<nn.Module<Tensor, Tensor>> create, long in_channels)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var block = create();
        using var x = rand([3, in_channels, 5, 5], ScalarType.Float64, requires_grad: true);
        using var weight = rand_like(block.forward(x));

        ComputeLoss().backward();

        const double h = 1e-6;
        foreach (var (name, tensor) in block.named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Append(("x", x)))
        {
            var gradient = tensor.grad!.flatten();
            var scale = Math.Max(1, gradient.abs().max().item<double>());
            using var _ = no_grad();
            var values = tensor.view(-1);
            for (long i = 0; i < values.shape[0]; i++)
            {
                var value = values[i].item<double>();
                values[i] = value + h;
                var above = ComputeLoss().item<double>();
                values[i] = value - h;
                var below = ComputeLoss().item<double>();
                values[i] = value;
                var difference = (above - below) / (2 * h);
                Assert.True(Math.Abs(difference - gradient[i].item<double>()) <= 1e-6 * scale,
                    $"{name}[{i}]: the gradient is {gradient[i].item<double>()}, the finite difference {difference}");
            }
        }

        Tensor ComputeLoss()
        {
            using var inner = NewDisposeScope();
            return (block.forward(x).square() * weight).sum().MoveToOuterDisposeScope();
        }
    }
}
