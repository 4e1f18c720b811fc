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
    public void The_network_computes_in_16_bits_and_the_loss_weights_gradients_and_statistics_stay_in_32(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = new ResNet18(10, Stem.Conv3, new Device(device));
        using var x = rand([4, 3, 16, 16], device: new Device(device));
        var between = new List<ScalarType>();
        model.layer2.register_forward_hook((_, _, output) => { between.Add(output.dtype); return output; });
        var statistics = model.bn1.running_mean!.clone();

        Tensor logits, loss;
        using (new Autocast(x.device_type, dtype))
        {
            logits = model.call(x);
            loss = F.cross_entropy(logits, tensor([0L, 3, 7, 9], device: new Device(device)));
        }
        loss.backward();

        Assert.Equal(dtype, logits.dtype);
        Assert.Equal([dtype], between);
        Assert.Equal(ScalarType.Float32, loss.dtype);
        Assert.All(model.parameters(), parameter => Assert.Equal((ScalarType.Float32, ScalarType.Float32), (parameter.dtype, parameter.grad!.dtype)));
        Assert.All(model.buffers(), buffer => Assert.Equal(buffer.dim() == 0 ? ScalarType.Int64 : ScalarType.Float32, buffer.dtype));
        Assert.False(statistics.equal(model.bn1.running_mean!).all().item<bool>());
    }

    /// <summary>Measured: two steps bring the loss to between 0.12 and 0.92 of what it was.</summary>
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
    public void The_answer_is_that_of_32_bits_but_for_rounding()
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
        var apart = ((rounded.to(ScalarType.Float32) - exact).norm() / exact.norm()).item<float>();
        Assert.InRange(apart, 1e-5, 3e-2);
    }

    [Fact]
    public void It_holds_until_it_is_disposed()
    {
        using var x = rand(2, 2);
        Assert.Equal(ScalarType.Float32, ProductType(x));
        using (new Autocast(DeviceType.CPU))
            Assert.Equal(ScalarType.BFloat16, ProductType(x)); // PyTorch's choice
        Assert.Equal(ScalarType.Float32, ProductType(x));
    }

    [Fact]
    public void The_inner_one_decides_and_what_was_before_comes_back()
    {
        using var x = rand(2, 2);
        using (new Autocast(DeviceType.CPU, ScalarType.BFloat16))
        {
            using (new Autocast(DeviceType.CPU, ScalarType.Float16))
                Assert.Equal(ScalarType.Float16, ProductType(x));
            Assert.Equal(ScalarType.BFloat16, ProductType(x));
            using (new Autocast(DeviceType.CPU, enabled: false))
            {
                Assert.Equal(ScalarType.Float32, ProductType(x));
                using (new Autocast(DeviceType.CUDA, ScalarType.Float16))
                    Assert.Equal(ScalarType.Float32, ProductType(x));
            }
            Assert.Equal(ScalarType.BFloat16, ProductType(x));
        }
    }

    [Fact]
    public void Weights_that_were_changed_in_between_are_the_new_ones()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var x = ones(1, 2);
        layer.weight.requires_grad_(); // only such weights are kept in 16 bits, for as long as the outermost one lasts
        Assert.Equal(2, Answer(1));
        Assert.Equal(6, Answer(3));

        float Answer(float weight)
        {
            using (no_grad())
                layer.weight.fill_(weight);
            using (new Autocast(DeviceType.CPU))
                return layer.call(x).to(ScalarType.Float32).item<float>();
        }
    }

    [Fact]
    public void Another_thread_computes_as_before()
    {
        using var x = rand(2, 2);
        var elsewhere = ScalarType.Byte;
        using (new Autocast(DeviceType.CPU))
        {
            var thread = new Thread(() => elsewhere = ProductType(x));
            thread.Start();
            thread.Join();
        }
        Assert.Equal(ScalarType.Float32, elsewhere);
    }

    [Fact]
    public void It_is_disposed_once_and_ends_those_inside_of_it()
    {
        using var x = rand(2, 2);
        var outer = new Autocast(DeviceType.CPU);
        var inner = new Autocast(DeviceType.CPU, ScalarType.Float16);
        var forgotten = new Autocast(DeviceType.CPU, enabled: false);
        Assert.Equal(ScalarType.Float32, ProductType(x));

        inner.Dispose();
        Assert.Equal(ScalarType.BFloat16, ProductType(x));
        forgotten.Dispose();
        inner.Dispose();
        Assert.Equal(ScalarType.BFloat16, ProductType(x));
        var copy = outer;
        outer.Dispose();
        copy.Dispose();
        outer.Dispose();
        Assert.Equal(ScalarType.Float32, ProductType(x));
    }

    /// <summary>After an await the code may run on another thread, and the first would stay in 16 bits for whatever runs on it next.</summary>
    [Theory]
    [InlineData("using (new Autocast(DeviceType.CPU)) { await Task.Yield(); }", "CS4007")]
    [InlineData("using var autocast = new Autocast(DeviceType.CPU); await Task.Yield();", "CS4007")]
    [InlineData("var autocast = new Autocast(DeviceType.CPU); await Task.Run(() => autocast.Dispose());", "CS8175")]
    [InlineData("using (new Autocast()) { }", "CS0619")] // or it would be what default is, which changes nothing
    [InlineData("using (new Autocast(DeviceType.CPU)) { } await Task.Yield();", null)]
    public void It_cannot_leave_its_thread(string code, string? error)
    {
        var errors = CSharpProgram.Compile($"using ResNet.Core; using TorchSharp; {code}").Select(diagnostic => diagnostic.Id);
        if (error is null)
            Assert.Empty(errors);
        else
            Assert.Contains(error, errors);
    }

    [Fact]
    public void Arguments_that_make_no_sense_are_refused()
    {
        using var x = rand(2, 2);
        Assert.Contains("CPU or CUDA, got META", Assert.Throws<ArgumentException>("device_type", () => new Autocast(DeviceType.META)).Message, StringComparison.Ordinal);
        Assert.Contains("BFloat16 or Float16, got Float64", Assert.Throws<ArgumentException>("dtype", () => new Autocast(DeviceType.CPU, ScalarType.Float64)).Message, StringComparison.Ordinal);
        Assert.Equal(ScalarType.Float32, ProductType(x));
    }

    [Theory]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.BFloat16, true)]
    [InlineData(ScalarType.Float16, true)]
    [InlineData(ScalarType.Float64, false)] // libtorch leaves those alone
    [InlineData(ScalarType.Int64, false)]
    public void The_network_takes_what_can_be_cast(ScalarType dtype, bool taken)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv3);
        using var x = ones([2, 3, 8, 8], dtype);
        using var autocast = new Autocast(DeviceType.CPU);
        if (taken)
            Assert.Equal(ScalarType.BFloat16, model.call(x).dtype);
        else
            Assert.Contains($"Float32, got {dtype}", Assert.Throws<ArgumentException>("x", () => model.call(x)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inside_of_one_that_is_off_or_of_another_device_the_network_takes_its_weights_type_alone()
    {
        using var model = new ResNet18(10, Stem.Conv3);
        using var x = ones([2, 3, 8, 8], ScalarType.BFloat16);
        using (new Autocast(DeviceType.CUDA))
            Assert.Throws<ArgumentException>("x", () => model.call(x));
        using (new Autocast(DeviceType.CPU))
        using (new Autocast(DeviceType.CPU, enabled: false))
            Assert.Throws<ArgumentException>("x", () => model.call(x));
    }

    private static ScalarType ProductType(Tensor x)
    {
        using var product = x.mm(x);
        return product.dtype;
    }
}
