using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

public class AutocastTests
{
    [Theory]
    [CpuData(ScalarType.BFloat16)]
    [CpuData(ScalarType.Float16)]
    [CudaData(ScalarType.BFloat16)]
    [CudaData(ScalarType.Float16)]
    public void Activations_have_16_bits_and_the_loss_weights_gradients_and_statistics_stay_in_32(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = new ResNet18(10, Stem.Conv3, new Device(device));
        using var x = rand([4, 3, 16, 16], device: new Device(device));
        var activations = new List<ScalarType>();
        model.layer2.register_forward_hook((_, _, output) => { activations.Add(output.dtype); return output; });
        var statistics = model.bn1.running_mean!.clone();

        Tensor logits, loss;
        using (new Autocast(x.device_type, dtype))
        {
            logits = model.call(x);
            loss = F.cross_entropy(logits, tensor([0L, 3, 7, 9], device: new Device(device)));
        }
        loss.backward();

        Assert.Equal(dtype, logits.dtype);
        Assert.Equal([dtype], activations);
        Assert.Equal(ScalarType.Float32, loss.dtype);
        Assert.All(model.parameters(), parameter => Assert.Equal((ScalarType.Float32, ScalarType.Float32), (parameter.dtype, parameter.grad!.dtype)));
        Assert.All(model.buffers(), buffer => Assert.Equal(buffer.dim() == 0 ? ScalarType.Int64 : ScalarType.Float32, buffer.dtype));
        Assert.False(statistics.equal(model.bn1.running_mean!).all().item<bool>());
    }

    /// <summary>Measured: two steps bring the loss to between 0.12 and 0.92 of the first one.</summary>
    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_network_learns_in_16_bits(string architecture)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = Family.Create(architecture, 10, Stem.Conv3);
        using var optimizer = optim.SGD(model.parameters(), 0.001);
        using var x = rand(4, 3, 16, 16);
        using var y = tensor([0L, 3, 7, 9]);

        var losses = new List<float>();
        for (var step = 0; step < 3; step++)
        {
            using var inner = NewDisposeScope();
            Tensor logits, loss;
            using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
            {
                logits = model.call(x);
                loss = F.cross_entropy(logits, y);
            }
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            Assert.Equal((ScalarType.BFloat16, ScalarType.Float32), (logits.dtype, loss.dtype));
            losses.Add(loss.item<float>());
        }

        Assert.All(model.parameters(), parameter => Assert.Equal((ScalarType.Float32, ScalarType.Float32), (parameter.dtype, parameter.grad!.dtype)));
        Assert.True(losses[^1] < losses[0], $"The loss went from {losses[0]} to {losses[^1]}.");
    }

    [Fact]
    public void Outputs_match_float32_up_to_rounding()
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = new ResNet18(10, Stem.Conv3);
        using var x = rand(4, 3, 16, 16);
        using var _ = no_grad();
        model.eval();

        var exact = model.call(x);
        Tensor rounded;
        using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
            rounded = model.call(x);

        // bfloat16 keeps 8 bits: an operation rounds by 2^-9, and there are some twenty in a row.
        var difference = ((rounded.to(ScalarType.Float32) - exact).norm() / exact.norm()).item<float>();
        Assert.InRange(difference, 1e-5, 3e-2);
    }

    [Fact]
    public void Autocast_lasts_until_it_is_disposed()
    {
        using var x = rand(2, 2);
        Assert.Equal(ScalarType.Float32, GetProductType(x));
        using (new Autocast(DeviceType.CPU))
            Assert.Equal(ScalarType.BFloat16, GetProductType(x)); // PyTorch's choice
        Assert.Equal(ScalarType.Float32, GetProductType(x));
    }

    [Fact]
    public void The_innermost_Autocast_wins_and_disposing_it_restores_the_outer_one()
    {
        using var x = rand(2, 2);
        using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
        {
            using (new Autocast(DeviceType.CPU, ScalarType.Float16))
                Assert.Equal(ScalarType.Float16, GetProductType(x));
            Assert.Equal(ScalarType.BFloat16, GetProductType(x));
            using (new Autocast(DeviceType.CPU, enabled: false))
            {
                Assert.Equal(ScalarType.Float32, GetProductType(x));
                using (new Autocast(DeviceType.CUDA, ScalarType.Float16))
                    Assert.Equal(ScalarType.Float32, GetProductType(x));
            }
            Assert.Equal(ScalarType.BFloat16, GetProductType(x));
        }
    }

    [Fact]
    public void The_next_Autocast_uses_changed_weights()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var x = ones(1, 2);
        layer.weight.requires_grad_(); // libtorch caches 16-bit copies of such weights alone, until the outermost Autocast ends
        Assert.Equal(2, Compute(1));
        Assert.Equal(6, Compute(3));

        float Compute(float weight)
        {
            using (no_grad())
                layer.weight.fill_(weight);
            using (new Autocast(DeviceType.CPU))
                return layer.call(x).to(ScalarType.Float32).item<float>();
        }
    }

    [Fact]
    public void Autocast_does_not_affect_other_threads()
    {
        using var x = rand(2, 2);
        var typeOnOtherThread = ScalarType.Byte;
        using (new Autocast(DeviceType.CPU))
        {
            var thread = new Thread(() => typeOnOtherThread = GetProductType(x));
            thread.Start();
            thread.Join();
        }
        Assert.Equal(ScalarType.Float32, typeOnOtherThread);
    }

    [Fact]
    public void Disposing_ends_nested_Autocasts_and_disposing_again_does_nothing()
    {
        using var x = rand(2, 2);
        var outer = new Autocast(DeviceType.CPU);
        var inner = new Autocast(DeviceType.CPU, ScalarType.Float16);
        var forgotten = new Autocast(DeviceType.CPU, enabled: false);
        Assert.Equal(ScalarType.Float32, GetProductType(x));

        inner.Dispose();
        Assert.Equal(ScalarType.BFloat16, GetProductType(x));
        forgotten.Dispose();
        inner.Dispose();
        Assert.Equal(ScalarType.BFloat16, GetProductType(x));
        var copy = outer;
        outer.Dispose();
        copy.Dispose();
        outer.Dispose();
        Assert.Equal(ScalarType.Float32, GetProductType(x));
    }

    /// <summary>After an await the code may run on another thread. The first thread would then stay in 16 bits for whatever runs on it next.</summary>
    [Theory]
    [InlineData("using (new Autocast(DeviceType.CPU)) { await Task.Yield(); }", "CS4007")]
    [InlineData("using var autocast = new Autocast(DeviceType.CPU); await Task.Yield();", "CS4007")]
    [InlineData("var autocast = new Autocast(DeviceType.CPU); await Task.Run(() => autocast.Dispose());", "CS8175")]
    [InlineData("using (new Autocast()) { }", "CS0619")] // this would be default(Autocast), which changes nothing
    [InlineData("using (new Autocast(DeviceType.CPU)) { } await Task.Yield();", null)]
    public void The_compiler_keeps_an_Autocast_on_its_thread(string code, string? error)
    {
        var errors = CSharpProgram.Compile($"using ResNet.Core; using TorchSharp; {code}").Select(diagnostic => diagnostic.Id);
        if (error is null)
            Assert.Empty(errors);
        else
            Assert.Contains(error, errors);
    }

    [Fact]
    public void Unsupported_devices_and_types_are_refused()
    {
        using var x = rand(2, 2);
        Assert.Contains("CPU or CUDA, got META", Assert.Throws<ArgumentException>("device_type", () => new Autocast(DeviceType.META)).Message, StringComparison.Ordinal);
        Assert.Contains("BFloat16 or Float16, got Float64", Assert.Throws<ArgumentException>("dtype", () => new Autocast(DeviceType.CPU, ScalarType.Float64)).Message, StringComparison.Ordinal);
        Assert.Equal(ScalarType.Float32, GetProductType(x));
    }

    [Theory]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.BFloat16, true)]
    [InlineData(ScalarType.Float16, true)]
    [InlineData(ScalarType.Float64, false)] // libtorch does not cast these
    [InlineData(ScalarType.Int64, false)]
    public void The_network_accepts_every_type_that_Autocast_casts(ScalarType dtype, bool accepted)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv3);
        using var x = ones([2, 3, 8, 8], dtype);
        using var autocast = new Autocast(DeviceType.CPU);
        if (accepted)
            Assert.Equal(ScalarType.BFloat16, model.call(x).dtype);
        else
            Assert.Contains($"Float32, got {dtype}", Assert.Throws<ArgumentException>("x", () => model.call(x)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_active_Autocast_for_its_device_the_network_accepts_only_its_weights_type()
    {
        using var model = new ResNet18(10, Stem.Conv3);
        using var x = ones([2, 3, 8, 8], ScalarType.BFloat16);
        using (new Autocast(DeviceType.CUDA))
            Assert.Throws<ArgumentException>("x", () => model.call(x));
        using (new Autocast(DeviceType.CPU))
        using (new Autocast(DeviceType.CPU, enabled: false))
            Assert.Throws<ArgumentException>("x", () => model.call(x));
    }

    private static ScalarType GetProductType(Tensor x)
    {
        using var product = x.mm(x);
        return product.dtype;
    }
}
