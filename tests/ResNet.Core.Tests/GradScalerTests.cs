using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

public class GradScalerTests
{
    private const float Infinity = float.PositiveInfinity;

    /// <summary>A model of two layers and its optimizer. Each layer has a weight and a bias, so that a bad gradient is one among good ones.</summary>
    private sealed class Subject : IDisposable
    {
        public Subject(string device = "cpu")
        {
            manual_seed(0);
            Model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).to(new Device(device));
            Optimizer = optim.SGD(Model.parameters(), 0.1, momentum: 0.9, weight_decay: 0.01);
            X = rand([4, 3]).to(new Device(device)); // drawn on the CPU: the same seed gives other numbers on a GPU
        }

        public Sequential Model { get; }
        public SGD Optimizer { get; }
        public Tensor X { get; }

        /// <summary>Computes new gradients, multiplied by the scale.</summary>
        public void Backward(GradScaler scaler)
        {
            using var scope = NewDisposeScope();
            Optimizer.zero_grad();
            scaler.scale(Model.call(X).square().mean()).backward();
        }

        /// <summary>Runs a training step, with a bad value in one of its gradients.</summary>
        public void Step(GradScaler scaler, float? bad = null, int parameter = 1)
        {
            Backward(scaler);
            if (bad is { } value)
                Model.parameters().ElementAt(parameter).grad!.view(-1)[0].fill_(value);
            scaler.step(Optimizer);
            scaler.update();
        }

        /// <summary>Reads the weights and momenta.</summary>
        public float[] ReadState() =>
            [.. Model.parameters().Concat(Optimizer.state_dict().State.Select(state => ((SGD.State)state).momentum_buffer)).SelectMany(tensor => tensor.detach().cpu().data<float>().ToArray())];

        public void Dispose()
        {
            Optimizer.Dispose();
            Model.Dispose();
            X.Dispose();
        }
    }

    [Theory]
    [CpuData(float.PositiveInfinity, 0)]
    [CpuData(float.NegativeInfinity, 1)]
    [CpuData(float.NaN, 3)]
    [CudaData(float.PositiveInfinity, 0)]
    [CudaData(float.NaN, 3)]
    public void An_overflowing_step_is_skipped_and_training_continues_as_if_it_had_never_happened(string device, float bad, int parameter)
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject(device);
        using var other = new Subject(device);
        var (scaler, never) = (new GradScaler(), new GradScaler());
        subject.Step(scaler);
        other.Step(never);

        var before = subject.ReadState();
        subject.Step(scaler, bad, parameter);
        Assert.Equal(before, subject.ReadState());
        Assert.Equal(32768, scaler.get_scale());

        for (var step = 0; step < 3; step++)
        {
            subject.Step(scaler);
            other.Step(never);
        }
        Assert.NotEqual(before, subject.ReadState());
        Assert.Equal(other.ReadState(), subject.ReadState()); // both scales are powers of two: nothing is rounded
    }

    /// <summary>The expected scales follow PyTorch's rule by hand: an infinity lowers the scale and restarts the count of good steps, and so does growth.</summary>
    [Fact]
    public void The_scale_backs_off_and_grows_as_in_PyTorch()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler(init_scale: 100, growth_factor: 3, backoff_factor: 0.25, growth_interval: 3);
        var scales = new List<double>();
        foreach (var good in "+++--++-++++++")
        {
            subject.Step(scaler, good == '+' ? null : Infinity);
            scales.Add(scaler.get_scale());
        }
        Assert.Equal([100, 100, 300, 75, 18.75, 18.75, 18.75, 4.6875, 4.6875, 4.6875, 14.0625, 14.0625, 14.0625, 42.1875], scales);
    }

    [Fact]
    public void The_scale_does_not_grow_beyond_float32()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler(init_scale: 1e38, growth_factor: 10, growth_interval: 1);
        subject.Backward(new GradScaler(init_scale: 1));
        scaler.step(subject.Optimizer);
        scaler.update();
        Assert.Equal((double)1e38f, scaler.get_scale());
    }

    /// <summary>With a scale of 0 every gradient would be NaN: all later steps would be skipped, and training would run on in vain.</summary>
    [Theory]
    [InlineData(65536, 0.5)]
    [InlineData(1, 1e-30)]
    public void A_scale_that_cannot_become_smaller_throws_and_is_kept(double init_scale, double backoff_factor)
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler(init_scale, backoff_factor: backoff_factor);
        var exception = Record.Exception(() =>
        {
            for (var step = 0; step < 1000; step++)
                subject.Step(scaler, Infinity);
        });
        Assert.Contains("the loss or the weights are not finite", Assert.IsType<InvalidOperationException>(exception).Message, StringComparison.Ordinal);
        Assert.True(scaler.get_scale() > 0 && float.IsFinite(1 / (float)scaler.get_scale()), $"the scale is {scaler.get_scale()}");
    }

    /// <summary>A power of two scales gradients without rounding, so training must not change at all. On a GPU sums differ from run to run.</summary>
    [Theory]
    [CpuData(0)]
    [CudaData(0.05)]
    public void In_float32_scaling_does_not_change_training(string device, double tolerance)
    {
        using var scope = NewDisposeScope();
        float[][] losses = [Train5Steps(new GradScaler(1024)), Train5Steps(new GradScaler(enabled: false))];
        Assert.Equal(losses[1][0], losses[0][0]);
        Assert.All(losses[1].Zip(losses[0]), pair => Assert.InRange(Math.Abs(pair.Second / pair.First - 1), 0, tolerance));
        Assert.True(losses[0][^1] < losses[0][0]);

        float[] Train5Steps(GradScaler scaler) => Train(() => new ResNet18(10, Stem.Conv3), new Device(device), scaler, steps: 5, precision: null);
    }

    /// <summary>The network is small, because processors without float16 instructions take seconds for a training step of ResNet-18.</summary>
    [Theory]
    [CpuData]
    [CudaData]
    public void In_float16_a_scale_that_is_too_large_shrinks_until_it_fits(string device)
    {
        using var scope = NewDisposeScope();
        var scaler = new GradScaler(init_scale: Math.Pow(2, 32));
        var losses = Train(CreateNetwork, new Device(device), scaler, steps: 40, ScalarType.Float16);
        var exact = Train(CreateNetwork, new Device(device), new GradScaler(enabled: false), steps: 40, precision: null);

        var skipped = (int)Math.Log2(Math.Pow(2, 32) / scaler.get_scale());
        Assert.InRange(skipped, 4, 25);
        Assert.All(losses[..(skipped + 1)], loss => Assert.Equal(losses[0], loss)); // no weight has changed yet
        // From there on it trains like the float32 network does from the start, up to float16's 11 bits.
        Assert.All(losses[skipped..].Zip(exact), pair => Assert.InRange(pair.First / pair.Second, 0.98, 1.02));
        Assert.True(losses[^1] < 0.8 * losses[0], $"{losses[0]} … {losses[^1]}");

        Sequential CreateNetwork() => nn.Sequential(new BasicBlock(3, 8, stride: 2), nn.Flatten(), nn.Linear(128, 10));
    }

    /// <summary>The smallest positive float16 number is 6e-8, so 1e-8 becomes 0.</summary>
    [Fact]
    public void Scaling_saves_gradients_that_underflow_in_float16()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var optimizer = optim.SGD(layer.parameters(), 1);
        Assert.Equal(0, ComputeGradient(new GradScaler(enabled: false)));
        Assert.InRange(ComputeGradient(new GradScaler()), 0.99e-8, 1.01e-8);

        float ComputeGradient(GradScaler scaler)
        {
            optimizer.zero_grad();
            Tensor loss;
            using (new Autocast(DeviceType.CPU, ScalarType.Float16))
                loss = layer.call(ones(1, 2)).to(ScalarType.Float32).sum() * 1e-8f;
            scaler.scale(loss).backward();
            scaler.unscale_(optimizer);
            return layer.weight.grad![0, 0].item<float>();
        }
    }

    [Fact]
    public void After_unscale_gradients_have_their_true_size_and_can_be_clipped()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        using var other = new Subject();
        var (scaler, none) = (new GradScaler(), new GradScaler(enabled: false));
        for (var step = 0; step < 3; step++)
        {
            subject.Backward(scaler);
            scaler.unscale_(subject.Optimizer);
            var norm = nn.utils.clip_grad_norm_(subject.Model.parameters(), max_norm: 0.01);
            scaler.step(subject.Optimizer);
            scaler.update();

            other.Backward(none);
            Assert.Equal(norm, nn.utils.clip_grad_norm_(other.Model.parameters(), max_norm: 0.01));
            Assert.True(norm > 0.01);
            none.step(other.Optimizer);
            none.update();
        }
        Assert.Equal(other.ReadState(), subject.ReadState());
    }

    /// <summary>As in PyTorch, the other optimizer takes its step, and both share one scale.</summary>
    [Fact]
    public void An_infinity_skips_only_the_step_of_its_own_optimizer()
    {
        using var scope = NewDisposeScope();
        using var good = new Subject();
        using var bad = new Subject();
        var scaler = new GradScaler();
        good.Step(scaler);
        bad.Step(scaler);
        var before = good.ReadState();

        good.Backward(scaler);
        bad.Backward(scaler);
        bad.Model.parameters().First().grad!.fill_(Infinity);
        scaler.step(bad.Optimizer);
        scaler.step(good.Optimizer);
        scaler.update();

        Assert.NotEqual(before, good.ReadState());
        Assert.Equal(before, bad.ReadState());
        Assert.Equal(32768, scaler.get_scale());
    }

    [Theory]
    [InlineData(ScalarType.Float16, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, ScalarType.Float32)]
    [InlineData(ScalarType.Float64, ScalarType.Float64)]
    public void A_scaled_loss_never_has_16_bits(ScalarType loss, ScalarType expected)
    {
        using var scope = NewDisposeScope();
        var scaled = new GradScaler().scale(tensor(3.0).to(loss));
        Assert.Equal((expected, 3 * 65536.0), (scaled.dtype, scaled.to(ScalarType.Float64).item<double>()));
    }

    [Fact]
    public void Calls_in_the_wrong_order_are_refused_as_in_PyTorch()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler();
        AssertThrows("Expected step before update", scaler.update);
        AssertThrows("Expected gradients, got none", () => scaler.step(subject.Optimizer));

        subject.Backward(scaler);
        scaler.unscale_(subject.Optimizer);
        AssertThrows("Expected unscale_ once", () => scaler.unscale_(subject.Optimizer));
        scaler.step(subject.Optimizer);
        AssertThrows("Expected step once", () => scaler.step(subject.Optimizer));
        AssertThrows("Expected unscale_ before step", () => scaler.unscale_(subject.Optimizer));
        scaler.update();
        subject.Step(scaler);

        using var half = nn.Linear(2, 1).to(ScalarType.Float16);
        using var optimizer = optim.SGD(half.parameters(), 1);
        scaler.scale(half.call(ones([1, 2], ScalarType.Float16)).sum()).backward();
        AssertThrows("Expected gradients in Float32, got some in Float16", () => scaler.step(optimizer));

        static void AssertThrows(string message, Action action) => Assert.Contains(message, Assert.Throws<InvalidOperationException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disabled_scaler_only_steps_the_optimizer()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler(enabled: false);
        using var loss = tensor(2f);
        Assert.Same(loss, scaler.scale(loss));
        Assert.Equal((1, false), (scaler.get_scale(), scaler.is_enabled()));
        Assert.Empty(scaler.state_dict());
        scaler.load_state_dict(new Dictionary<string, double>());

        subject.Backward(scaler);
        scaler.unscale_(subject.Optimizer);
        subject.Model.parameters().First().grad!.fill_(Infinity);
        scaler.step(subject.Optimizer);
        scaler.update();
        scaler.update();
        Assert.Contains(float.NegativeInfinity, subject.ReadState());
    }

    [Fact]
    public void A_loaded_state_continues_where_the_other_scaler_stopped()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var first = new GradScaler(init_scale: 8, growth_interval: 3);
        subject.Step(first, Infinity);
        subject.Step(first);
        subject.Step(first);
        var second = new GradScaler(growth_interval: 3);
        second.load_state_dict(first.state_dict());

        Assert.Equal((4, true), (second.get_scale(), second.is_enabled()));
        subject.Step(second);
        Assert.Equal(8, second.get_scale());
    }

    [Fact]
    public void Invalid_arguments_and_states_are_refused_and_change_nothing()
    {
        Assert.Throws<ArgumentOutOfRangeException>("init_scale", () => new GradScaler(init_scale: 0));
        Assert.Throws<ArgumentOutOfRangeException>("init_scale", () => new GradScaler(init_scale: 1e39));
        Assert.Throws<ArgumentOutOfRangeException>("init_scale", () => new GradScaler(init_scale: 1e-39)); // its reciprocal is infinite
        Assert.Throws<ArgumentOutOfRangeException>("init_scale", () => new GradScaler(init_scale: double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("growth_factor", () => new GradScaler(growth_factor: 1));
        Assert.Throws<ArgumentOutOfRangeException>("backoff_factor", () => new GradScaler(backoff_factor: 1));
        Assert.Throws<ArgumentOutOfRangeException>("backoff_factor", () => new GradScaler(backoff_factor: 0.999999999)); // rounds to 1 in float32: the scale would never become smaller
        Assert.Throws<ArgumentOutOfRangeException>("backoff_factor", () => new GradScaler(backoff_factor: 1e-300));
        Assert.Throws<ArgumentOutOfRangeException>("growth_interval", () => new GradScaler(growth_interval: 0));

        var scaler = new GradScaler();
        Assert.Contains("got nothing", AssertRefused([]), StringComparison.Ordinal);
        Assert.Contains("got scale", AssertRefused(new() { ["scale"] = 2 }), StringComparison.Ordinal);
        AssertRefused(new() { ["scale"] = 2, ["_growth_tracker"] = -1 });
        AssertRefused(new() { ["scale"] = 2, ["_growth_tracker"] = 2000 });
        AssertRefused(new() { ["scale"] = 2, ["_growth_tracker"] = 0.5 });
        AssertRefused(new() { ["scale"] = 1e-39, ["_growth_tracker"] = 3 });
        AssertRefused(new() { ["scale"] = -2, ["_growth_tracker"] = 3 });
        Assert.Equal(new Dictionary<string, double> { ["scale"] = 65536, ["_growth_tracker"] = 0 }, scaler.state_dict());
        Assert.Throws<ArgumentNullException>(() => scaler.scale(null!));
        Assert.Throws<ArgumentNullException>(() => scaler.step(null!));

        string AssertRefused(Dictionary<string, double> state) => Assert.ThrowsAny<ArgumentException>(() => scaler.load_state_dict(state)).Message;
    }

    [Fact]
    public void A_step_leaks_no_tensors()
    {
        using var scope = NewDisposeScope();
        using var subject = new Subject();
        var scaler = new GradScaler();
        subject.Step(scaler);
        var before = LiveTensors.Count();
        for (var step = 0; step < 3; step++)
        {
            using (NewDisposeScope())
                subject.Backward(scaler);
            scaler.step(subject.Optimizer);
            scaler.update();
        }
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static float[] Train(Func<nn.Module<Tensor, Tensor>> network, Device device, GradScaler scaler, int steps, ScalarType? precision)
    {
        manual_seed(0);
        using var model = network().to(device);
        using var optimizer = optim.SGD(model.parameters(), 0.01, momentum: 0.9);
        var x = rand([8, 3, 8, 8]).to(device);
        var y = arange(8, device: device);
        return [.. Enumerable.Range(0, steps).Select(_ => Step())];

        float Step()
        {
            using var scope = NewDisposeScope();
            Tensor loss;
            using (new Autocast(device.type, precision, enabled: precision is not null))
                loss = F.cross_entropy(model.call(x), y);
            optimizer.zero_grad();
            scaler.scale(loss).backward();
            scaler.step(optimizer);
            scaler.update();
            return loss.item<float>();
        }
    }
}
