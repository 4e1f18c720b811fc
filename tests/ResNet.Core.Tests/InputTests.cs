using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Bad arguments and inputs. Each exception says what was expected, and what the caller passed.</summary>
public class InputTests
{
    [Fact]
    public void Sizes_below_one_are_refused()
    {
        AssertThrows<ArgumentOutOfRangeException>(() => new BasicBlock(0, 1), "in_channels", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new BasicBlock(1, -3), "out_channels", "-3");
        AssertThrows<ArgumentOutOfRangeException>(() => new BasicBlock(1, 1, stride: 0), "stride", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new ResNet18(num_classes: 0), "num_classes", "0");
    }

    [Fact]
    public void Bottleneck_sizes_below_one_are_refused()
    {
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(0, 1), "in_channels", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, -2), "planes", "-2");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 1, stride: 0), "stride", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 1, groups: 0), "groups", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 1, base_width: 0), "base_width", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 1, base_width: 1), "width", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 63, groups: 4, base_width: 1), "width", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 64, groups: 1L << 62), "width", "groups = 4611686018427387904");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 64, base_width: long.MaxValue), "width", "9223372036854775807");
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(1, 1L << 30), "planes", "1073741824");
        AssertThrows<ArgumentException>(() => new Bottleneck(1, 1, dtype: ScalarType.Int64), "floating-point", "Int64");
        AssertThrows<InvalidOperationException>(() => new Bottleneck(1, 1, device: new Device("cuda:99")), "available", "cuda:99");
        Assert.ThrowsAny<Exception>(() => new Bottleneck(1, 1L << 62));
        Assert.ThrowsAny<Exception>(() => new Bottleneck(1, 64, groups: 1L << 40));
    }

    /// <summary>Such a stride used to end the process in the first forward pass.</summary>
    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 32)] // 0 in 32 bits
    [InlineData(1L << 31)]
    public void A_stride_of_more_than_32_bits_is_refused(long stride) =>
        AssertThrows<ArgumentOutOfRangeException>(() => new BasicBlock(1, 1, stride), "stride", "2147483647", $"{stride}");

    [Fact]
    public void The_largest_stride_leaves_one_pixel()
    {
        using var scope = NewDisposeScope();
        using var block = new BasicBlock(2, 2, stride: int.MaxValue);
        var y = block.call(rand(2, 2, 5, 7));
        y.sum().backward();
        Assert.Equal([2, 2, 1, 1], y.shape);
        Assert.All(block.parameters(), parameter => Assert.True(parameter.grad!.isfinite().all().item<bool>()));
    }

    [Fact]
    public void An_unknown_stem_is_refused() =>
        AssertThrows<ArgumentOutOfRangeException>(() => new ResNet18(10, (Stem)(-1)), "Conv7, Conv7MaxPool, Conv3", "-1");

    [Fact]
    public void A_type_that_is_not_floating_point_is_refused()
    {
        AssertThrows<ArgumentException>(() => new BasicBlock(1, 1, dtype: ScalarType.Int64), "floating-point", "Int64");
        AssertThrows<ArgumentException>(() => new ResNet18(10, dtype: ScalarType.ComplexFloat32), "floating-point", "ComplexFloat32");
    }

    [Fact]
    public void A_missing_device_is_refused()
    {
        var remedy = cuda.is_available() ? "cuda:0 to" : NativeLibrary.TryLoad("torch_cuda", typeof(torch).Assembly, null, out _) ? "nvidia-smi" : "libtorch-cuda-12.8-";
        AssertThrows<InvalidOperationException>(() => new BasicBlock(1, 1, device: new Device("cuda:99")), "available", "cuda:99", remedy);
        AssertThrows<InvalidOperationException>(() => new ResNet18(10, device: new Device("cuda:99")), "available", "cuda:99");
    }

    [Fact]
    public void More_classes_than_memory_throw_and_do_not_end_the_process()
    {
        Assert.ThrowsAny<Exception>(() => new ResNet18(long.MaxValue));
        Assert.ThrowsAny<Exception>(() => new ResNet18(1L << 50));
    }

    [Fact]
    public void Null_is_refused()
    {
        using var model = new ResNet18(10);
        using var block = new BasicBlock(1, 1);
        Assert.Equal("x", Assert.Throws<ArgumentNullException>(() => model.forward(null!)).ParamName);
        Assert.Equal("x", Assert.Throws<ArgumentNullException>(() => block.forward(null!)).ParamName);
    }

    public static TheoryData<long[]> WrongShapes => [[3, 32, 32], [32], [], [1, 2, 3, 32, 32], [2, 1, 32, 32], [2, 4, 32, 32], [2, 32, 32, 3], [2, 3, 0, 32], [2, 3, 32, 0]];

    [Theory]
    [MemberData(nameof(WrongShapes))]
    public void A_wrong_shape_is_refused(long[] shape)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        using var block = new BasicBlock(3, 3);
        var got = $"({string.Join(", ", shape)})";
        AssertThrows<ArgumentException>(() => model.forward(zeros(shape)), "ResNet18", "(N, 3, H, W)", got);
        AssertThrows<ArgumentException>(() => block.forward(zeros(shape)), "BasicBlock", "(N, 3, H, W)", got);
    }

    [Theory]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    public void A_type_other_than_the_weights_is_refused(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        using var block = new BasicBlock(3, 3);
        AssertThrows<ArgumentException>(() => model.forward(zeros([2, 3, 32, 32], dtype)), "Float32", dtype.ToString());
        AssertThrows<ArgumentException>(() => block.forward(zeros([2, 3, 32, 32], dtype)), "Float32", dtype.ToString());
    }

    [Fact]
    public void A_device_other_than_the_weights_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        using var block = new BasicBlock(3, 3);
        AssertThrows<ArgumentException>(() => model.forward(zeros([2, 3, 32, 32], device: META)), "cpu", "meta");
        AssertThrows<ArgumentException>(() => block.forward(zeros([2, 3, 32, 32], device: META)), "cpu", "meta");
    }

    [Fact]
    public void A_disposed_input_is_refused()
    {
        using var model = new ResNet18(10);
        var x = zeros(2, 3, 32, 32);
        x.Dispose();
        Assert.Contains("disposed", Assert.Throws<ObjectDisposedException>(() => model.forward(x)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_module_is_refused()
    {
        using var x = zeros(2, 3, 32, 32);
        var model = new ResNet18(10);
        model.Dispose();
        model.Dispose();
        Assert.Contains(nameof(ResNet18), Assert.Throws<ObjectDisposedException>(() => model.forward(x)).ObjectName, StringComparison.Ordinal);

        var block = new BasicBlock(3, 3);
        block.Dispose();
        Assert.Contains(nameof(BasicBlock), Assert.Throws<ObjectDisposedException>(() => block.forward(x)).ObjectName, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Stem.Conv7, 16)]
    [InlineData(Stem.Conv7MaxPool, 32)]
    [InlineData(Stem.Conv3, 8)]
    public void A_single_value_per_channel_is_refused_in_training_mode_before_any_statistic_changes(Stem stem, long size)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, stem);
        AssertThrows<ArgumentException>(() => model.forward(rand(1, 3, size, size)), "more than one value per channel", $"(1, 3, {size}, {size})", "eval()");
        AssertThrows<ArgumentException>(() => model.forward(rand(1, 3, 1, 1)), "more than one value per channel");
        Assert.Equal(0, model.bn1.num_batches_tracked!.item<long>());

        model.forward(rand(1, 3, size + 1, size));
        model.forward(rand(1, 3, size, size + 1));
        model.forward(rand(2, 3, size, size));
        Assert.Equal(3, model.bn1.num_batches_tracked!.item<long>());

        model.eval();
        model.forward(rand(1, 3, size, size));
    }

    [Fact]
    public void A_single_value_per_channel_is_accepted_where_the_batch_norms_are_frozen()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        foreach (var (part, size) in new (nn.Module, long)[] { (model.layer4, 16), (model.layer3, 8), (model.layer2, 4), (model.layer1, 2), (model.bn1, 2) })
        {
            Assert.Throws<ArgumentException>(() => model.forward(rand(1, 3, size, size)));
            Assert.Equal(0, model.bn1.num_batches_tracked!.item<long>());
            part.eval();
        }

        model.forward(rand(1, 3, 1, 1));
    }

    [Fact]
    public void A_block_refuses_a_single_value_per_channel_in_training_mode()
    {
        using var scope = NewDisposeScope();
        using var block = new BasicBlock(3, 3, stride: 2);
        AssertThrows<ArgumentException>(() => block.forward(rand(1, 3, 2, 2)), "BasicBlock", "more than one value per channel", "(1, 3, 2, 2)");
        block.forward(rand(1, 3, 3, 2));
        block.forward(rand(2, 3, 2, 2));
        block.eval();
        block.forward(rand(1, 3, 2, 2));
    }

    [Fact]
    public void A_bottleneck_refuses_bad_inputs()
    {
        using var scope = NewDisposeScope();
        var block = new Bottleneck(3, 2, stride: 2);
        Assert.Equal("x", Assert.Throws<ArgumentNullException>(() => block.forward(null!)).ParamName);
        AssertThrows<ArgumentException>(() => block.forward(zeros(2, 4, 8, 8)), "Bottleneck", "(N, 3, H, W)", "(2, 4, 8, 8)");
        AssertThrows<ArgumentException>(() => block.forward(zeros([2, 3, 8, 8], ScalarType.Float64)), "Float32", "Float64");
        AssertThrows<ArgumentException>(() => block.forward(zeros([2, 3, 8, 8], device: META)), "cpu", "meta");
        AssertThrows<ArgumentException>(() => block.forward(rand(1, 3, 2, 2)), "Bottleneck", "more than one value per channel", "(1, 3, 2, 2)");
        Assert.Equal(0, block.bn1.num_batches_tracked!.item<long>());
        block.forward(rand(1, 3, 3, 2));

        // Only the first batch norm comes before the stride and sees all pixels.
        block.eval();
        block.bn1.train();
        block.forward(rand(1, 3, 2, 2));
        AssertThrows<ArgumentException>(() => block.forward(rand(1, 3, 1, 1)), "more than one value per channel");
        block.eval();
        block.forward(rand(1, 3, 1, 1));

        block.Dispose();
        Assert.Contains(nameof(Bottleneck), Assert.Throws<ObjectDisposedException>(() => block.forward(rand(2, 3, 8, 8))).ObjectName, StringComparison.Ordinal);
    }

    /// <summary>The network reduces the 8x8 images to a single pixel.</summary>
    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_network_refuses_bad_inputs_before_any_statistic_changes(string architecture)
    {
        using var scope = NewDisposeScope();
        AssertThrows<ArgumentOutOfRangeException>(() => Family.Create(architecture, 0), "num_classes", "0");
        AssertThrows<ArgumentOutOfRangeException>(() => Family.Create(architecture, 10, (Stem)(-1)), "Conv7, Conv7MaxPool, Conv3", "-1");
        AssertThrows<ArgumentException>(() => Family.Create(architecture, 10, dtype: ScalarType.Int64), "floating-point", "Int64");
        AssertThrows<InvalidOperationException>(() => Family.Create(architecture, 10, device: new Device("cuda:99")), "available", "cuda:99");

        var model = Family.Create(architecture, 10, Stem.Conv3);
        var name = model.GetType().Name;
        foreach (var forward in (Func<Tensor, Tensor>[])[model.forward, model.forward_features])
        {
            Assert.Equal("x", Assert.Throws<ArgumentNullException>(() => forward(null!)).ParamName);
            foreach (var shape in (long[][])[[3, 8, 9], [2, 4, 8, 9], [2, 8, 9, 3], [2, 3, 0, 9]])
                AssertThrows<ArgumentException>(() => forward(zeros(shape)), name, "(N, 3, H, W)", $"({string.Join(", ", shape)})");
            AssertThrows<ArgumentException>(() => forward(zeros([2, 3, 8, 9], ScalarType.Float64)), name, "Float32", "Float64");
            AssertThrows<ArgumentException>(() => forward(zeros([2, 3, 8, 9], device: META)), name, "cpu", "meta");
            AssertThrows<ArgumentException>(() => forward(rand(1, 3, 8, 8)), name, "more than one value per channel", "(1, 3, 8, 8)", "eval()");
            var disposed = zeros(2, 3, 8, 9);
            disposed.Dispose();
            Assert.Contains("disposed", Assert.Throws<ObjectDisposedException>(() => forward(disposed)).Message, StringComparison.Ordinal);
        }
        Assert.All(model.buffers().Where(buffer => buffer.dim() == 0), counter => Assert.Equal(0, counter.item<long>()));

        model.forward(rand(1, 3, 9, 8));
        model.eval();
        model.forward(rand(1, 3, 8, 8));

        model.Dispose();
        Assert.Equal(name, Assert.Throws<ObjectDisposedException>(() => model.forward(rand(2, 3, 8, 9))).ObjectName.Split('.')[^1]);
        Assert.Throws<ObjectDisposedException>(() => model.forward_features(rand(2, 3, 8, 9)));
    }

    [Fact]
    public void The_first_batch_norm_of_a_bottleneck_sees_the_size_before_the_stride()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet50(10);
        model.eval();
        var block = (Bottleneck)model.layer4[0];
        foreach (var (norm, size) in new (nn.Module, long)[] { (block.bn1, 16), (block.bn2, 32), (block.bn3, 32), (block.shortcut, 32), (model.layer1, 4), (model.bn1, 2) })
        {
            norm.train();
            AssertThrows<ArgumentException>(() => model.forward(rand(1, 3, size, size)), "more than one value per channel", $"reduced by {size}");
            model.forward(rand(1, 3, size, size + 1));
            norm.eval();
        }
        model.forward(rand(1, 3, 1, 1));
    }

    /// <summary>At a stride of 8,192 the backward pass used to end the process.</summary>
    [Fact]
    public void A_bottleneck_takes_strides_of_up_to_1024()
    {
        AssertThrows<ArgumentOutOfRangeException>(() => new Bottleneck(64, 64, stride: 1025), "stride", "1024", "1025");
        using var scope = NewDisposeScope();
        using var block = new Bottleneck(64, 64, stride: 1024);
        var y = block.call(rand(2, 64, 5, 7).requires_grad_());
        y.sum().backward();
        Assert.Equal([2, 256, 1, 1], y.shape);
        Assert.All(block.parameters(), parameter => Assert.True(parameter.grad!.isfinite().all().item<bool>()));
    }

    /// <summary>The stride of a side branch used to count as the backbone's, so that images of 100 pixels were refused.</summary>
    [Fact]
    public void Modules_that_a_subclass_adds_beside_the_network_do_not_count()
    {
        using var scope = NewDisposeScope();
        using var network = new WithSideBranch();
        Assert.Equal([1, 2], network.forward(rand(1, 3, 100, 100)).shape);
        using var block = new WithGate();
        Assert.Equal([1, 4, 4, 4], block.forward(rand(1, 4, 4, 4)).shape);
        AssertThrows<ArgumentException>(() => network.forward(rand(1, 3, 32, 32)), "more than one value per channel");
    }

    private sealed class WithSideBranch : ResNet34
    {
        private readonly TorchSharp.Modules.Sequential side = nn.Sequential(nn.Conv2d(3, 8, 7, stride: 4), nn.BatchNorm2d(8));

        public WithSideBranch()
            : base(2) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var beside = side.call(x);
            return base.forward(x);
        }
    }

    private sealed class WithGate : BasicBlock
    {
        private readonly TorchSharp.Modules.Sequential gate = nn.Sequential(nn.Conv2d(4, 4, 1, stride: 4), nn.BatchNorm2d(4));

        public WithGate()
            : base(4, 4) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var y = base.forward(x);
            using var gates = gate.call(y);
            return y + gates.mean();
        }
    }

    private static void AssertThrows<TException>(Func<object?> action, params string[] words)
        where TException : Exception
    {
        var exception = Assert.Throws<TException>(action);
        foreach (var word in words)
            Assert.Contains(word, exception.Message, StringComparison.Ordinal);
    }
}
