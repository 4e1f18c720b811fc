using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

public class FusedSGDTests
{
    /// <summary>The largest relative difference that five steps of rounding may cause.</summary>
    private const double Single = 2e-6, Double = 1e-14;

    [Theory]
    [CpuData(ScalarType.Float32, Single, 0.9, 0, 0, false, false)]
    [CpuData(ScalarType.Float32, Single, 0.9, 0, 0.01, true, false)]
    [CpuData(ScalarType.Float64, Double, 0.5, 0.3, 0.01, false, false)]
    [CpuData(ScalarType.Float64, Double, 0.5, 0, 0.01, true, true)]
    [CpuData(ScalarType.Float64, Double, 0, 0, 0.01, false, false)]
    [CpuData(ScalarType.BFloat16, 0, 0.9, 0, 0.01, true, false)]
    [CudaData(ScalarType.Float32, Single, 0.9, 0, 0.01, true, false)]
    [CudaData(ScalarType.Float64, Double, 0.5, 0.3, 0.01, false, false)]
    public void FusedSGD_takes_the_same_steps_as_SGD(string device, ScalarType dtype, double tolerance, double momentum, double dampening, double weight_decay, bool nesterov, bool maximize)
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateModel(device, dtype), CreateModel(device, dtype));
        using var sgd = optim.SGD(expected.parameters(), 0.01, momentum, dampening, weight_decay, nesterov, maximize);
        using var fused = new FusedSGD(actual.parameters(), 0.01, momentum, dampening, weight_decay, nesterov, maximize);
        Train(expected, sgd);
        Train(actual, fused);
        AssertSame(expected, actual, tolerance);
    }

    /// <summary>Includes a learning rate that changes between steps.</summary>
    [Fact]
    public void Every_group_uses_its_own_options()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateModel(), CreateModel());
        using var sgd = optim.SGD(CreateGroups(expected), 0.01);
        using var fused = new FusedSGD(CreateGroups(actual), 0.01);
        for (var step = 1; step <= 3; step++)
        {
            foreach (var group in sgd.ParamGroups.Concat(fused.ParamGroups))
                group.LearningRate = 0.01 * step;
            Train(expected, sgd, steps: 2);
            Train(actual, fused, steps: 2);
        }
        AssertSame(expected, actual, Single);

        static SGD.ParamGroup[] CreateGroups(nn.Module model) =>
        [
            new([.. model.parameters().Where(parameter => parameter.dim() > 1)], 0.01, momentum: 0.9, weight_decay: 0.1, nesterov: true),
            new([.. model.parameters().Where(parameter => parameter.dim() == 1)], 0.01, momentum: 0.5),
        ];
    }

    /// <summary>libtorch's operation reads memory from end to end: it would pair a weight with another weight's gradient.</summary>
    [Fact]
    public void A_gradient_in_another_memory_format_updates_the_right_weights()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateModel(), CreateModel());
        using var sgd = optim.SGD(expected.parameters(), 0.01, momentum: 0.9);
        using var fused = new FusedSGD(actual.parameters(), 0.01, momentum: 0.9);
        Train(expected, sgd);
        Train(actual, fused);
        foreach (var model in new[] { expected, actual })
            foreach (var parameter in model.parameters().Where(parameter => parameter.dim() == 4))
                parameter.grad = parameter.grad!.ToMemoryFormat(memory_format.channels_last);
        sgd.step();
        fused.step();
        AssertSame(expected, actual, Single);

        actual.ToMemoryFormat(memory_format.channels_last); // the momenta keep their format
        Train(expected, sgd);
        Train(actual, fused);
        AssertSame(expected, actual, 1e-4); // convolutions sum in another order
    }

    [Fact]
    public void A_weight_without_a_gradient_does_not_change()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateModel(), CreateModel());
        using var sgd = optim.SGD(expected.parameters(), 0.01, momentum: 0.9, weight_decay: 0.1);
        using var fused = new FusedSGD(actual.parameters(), 0.01, momentum: 0.9, weight_decay: 0.1);
        Train(expected, sgd);
        Train(actual, fused);
        foreach (var model in new[] { expected, actual })
            model.parameters().First().grad = null;
        sgd.step();
        fused.step();
        AssertSame(expected, actual, Single);

        fused.zero_grad();
        Assert.All(actual.parameters(), parameter => Assert.Null(parameter.grad));
        fused.step();
        AssertSame(expected, actual, Single);
    }

    [Fact]
    public void Parameters_may_have_different_types()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateParameters(), CreateParameters());
        using var sgd = optim.SGD(expected, 0.01, momentum: 0.9);
        using var fused = new FusedSGD(actual, 0.01, momentum: 0.9);
        for (var step = 0; step < 3; step++)
        {
            foreach (var parameter in expected.Concat(actual))
                parameter.grad = ones_like(parameter);
            sgd.step();
            fused.step();
        }
        Assert.All(expected.Zip(actual), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));

        static Parameter[] CreateParameters() => [nn.Parameter(ones(3)), nn.Parameter(ones(3, ScalarType.Float64))];
    }

    [Fact]
    public void FusedSGD_continues_with_the_momentum_of_SGD()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (CreateModel(), CreateModel());
        using var sgd = optim.SGD(expected.parameters(), 0.01, momentum: 0.9);
        using var other = optim.SGD(actual.parameters(), 0.01, momentum: 0.9);
        Train(expected, sgd);
        Train(actual, other);
        using var fused = new FusedSGD(actual.parameters(), 0.01, momentum: 0.9);
        fused.load_state_dict(other.state_dict());
        Train(expected, sgd);
        Train(actual, fused);
        AssertSame(expected, actual, Single);
    }

    [Fact]
    public void Step_calls_the_closure_and_returns_its_loss()
    {
        using var scope = NewDisposeScope();
        var model = CreateModel();
        using var fused = new FusedSGD(model.parameters(), 0.01, momentum: 0.9);
        var losses = new List<float>();
        for (var step = 0; step < 5; step++)
            losses.Add(fused.step(() =>
            {
                fused.zero_grad();
                var loss = ComputeLoss(model);
                loss.backward();
                return loss;
            })!.item<float>());
        Assert.True(losses[^1] < losses[0], string.Join(", ", losses));
    }

    [Fact]
    public void Steps_leak_no_tensors()
    {
        using var scope = NewDisposeScope();
        var model = CreateModel();
        using var fused = new FusedSGD(model.parameters(), 0.01, momentum: 0.9, nesterov: true);
        Train(model, fused, steps: 3);
        var live = LiveTensors.Count();
        Train(model, fused, steps: 7);
        Assert.Equal(live, LiveTensors.Count());
    }

    /// <summary>Weights are drawn on the CPU: the same seed gives other numbers on a GPU.</summary>
    private static nn.Module<Tensor, Tensor> CreateModel(string device = "cpu", ScalarType dtype = ScalarType.Float32)
    {
        manual_seed(0);
        return nn.Sequential(new BasicBlock(3, 4, stride: 2), nn.Flatten(), nn.Linear(64, 5)).to(new Device(device)).to(dtype);
    }

    private static void Train(nn.Module<Tensor, Tensor> model, optim.Optimizer optimizer, int steps = 5)
    {
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            ComputeLoss(model).backward();
            optimizer.step();
        }
    }

    private static Tensor ComputeLoss(nn.Module<Tensor, Tensor> model)
    {
        var like = model.parameters().First();
        var x = linspace(-1, 1, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8).sin().to(like.dtype).to(like.device);
        return F.cross_entropy(model.call(x), tensor([1L, 3]).to(like.device));
    }

    private static void AssertSame(nn.Module expected, nn.Module actual, double tolerance) =>
        Assert.All(expected.parameters().Zip(actual.parameters()), pair =>
            Assert.InRange(((pair.First - pair.Second).abs().max() / pair.First.abs().max()).to(ScalarType.Float64).item<double>(), 0, tolerance));
}
