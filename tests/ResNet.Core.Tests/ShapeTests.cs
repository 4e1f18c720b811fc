using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

public class ShapeTests
{
    [Theory]
    [CpuData(8, 8, 1, 6, 6)]     // identity shortcut
    [CpuData(8, 16, 1, 6, 6)]    // 1x1 shortcut for the channels
    [CpuData(8, 8, 2, 6, 6)]     // 1x1 shortcut for the stride
    [CpuData(8, 16, 2, 7, 5)]    // odd sizes round up
    [CpuData(16, 4, 3, 10, 9)]
    [CpuData(1, 1, 1, 1, 1)]
    [CpuData(3, 5, 2, 1, 1)]
    [CpuData(3, 5, 7, 4, 40)]    // a stride larger than the image
    [CudaData(8, 8, 1, 6, 6)]
    [CudaData(8, 16, 2, 7, 5)]
    public void A_block_divides_height_and_width_by_its_stride_rounded_up(string device, long in_channels, long out_channels, long stride, long h, long w)
    {
        using var scope = NewDisposeScope();
        using var block = new BasicBlock(in_channels, out_channels, stride, device: new Device(device));
        foreach (var n in (long[])[0, 2, 3])
        {
            long[] expected = [n, out_channels, (h + stride - 1) / stride, (w + stride - 1) / stride];
            Assert.Equal(expected, block.forward(rand(n, in_channels, h, w, device: new Device(device))).shape);
        }

        block.eval();
        Assert.Equal(out_channels, block.forward(rand(1, in_channels, h, w, device: new Device(device))).shape[1]);
    }

    [Theory]
    [InlineData(8, 8, 1, 0)]
    [InlineData(8, 9, 1, 2)]
    [InlineData(9, 8, 1, 2)]
    [InlineData(8, 8, 2, 2)]
    public void A_block_has_a_1x1_convolution_in_its_shortcut_where_the_shape_changes(long in_channels, long out_channels, long stride, int modules)
    {
        using var block = new BasicBlock(in_channels, out_channels, stride);
        Assert.Equal(modules, block.shortcut.Count);
        if (modules > 0)
        {
            long[] expected = [out_channels, in_channels, 1, 1];
            Assert.Equal(expected, block.get_parameter("shortcut.0.weight")!.shape);
        }
    }

    [Theory]
    [CpuData(16, 4, 1, 1, 64, 6, 6)]    // identity shortcut
    [CpuData(8, 4, 1, 1, 64, 6, 6)]     // 1x1 shortcut for the channels
    [CpuData(16, 4, 2, 1, 64, 7, 5)]    // 1x1 shortcut for the stride
    [CpuData(6, 16, 3, 4, 32, 10, 9)]   // groups
    [CpuData(1, 1, 1, 1, 64, 1, 1)]
    [CpuData(3, 5, 7, 2, 128, 4, 40)]
    [CudaData(16, 4, 2, 1, 64, 7, 5)]
    [CudaData(6, 16, 3, 4, 32, 10, 9)]
    public void A_bottleneck_has_four_output_channels_per_plane_and_divides_height_and_width_by_its_stride_rounded_up(
        string device, long in_channels, long planes, long stride, long groups, long base_width, long h, long w)
    {
        using var scope = NewDisposeScope();
        using var block = new Bottleneck(in_channels, planes, stride, groups, base_width, new Device(device));
        foreach (var n in (long[])[0, 2, 3])
        {
            long[] expected = [n, 4 * planes, (h + stride - 1) / stride, (w + stride - 1) / stride];
            Assert.Equal(expected, block.forward(rand(n, in_channels, h, w, device: new Device(device))).shape);
        }

        block.eval();
        Assert.Equal(4 * planes, block.forward(rand(1, in_channels, h, w, device: new Device(device))).shape[1]);
        Assert.Equal(stride == 1 && in_channels == 4 * planes ? 0 : 2, block.shortcut.Count);
    }

    [Theory]
    [InlineData(64, 1, 64, 64, 64)]
    [InlineData(64, 1, 128, 128, 128)]  // Wide ResNet-50-2
    [InlineData(64, 32, 4, 128, 4)]     // ResNeXt-50 (32x4d)
    [InlineData(512, 64, 4, 2048, 32)]  // ResNeXt-101 (64x4d)
    [InlineData(3, 2, 30, 2, 1)]        // 90 / 64 is rounded down
    public void Groups_and_base_width_set_the_channels_of_a_bottlenecks_3x3_convolution(long planes, long groups, long base_width, long width, long channelsPerGroup)
    {
        using var block = new Bottleneck(2, planes, stride: 2, groups, base_width);
        Assert.Equal([width, channelsPerGroup, 3, 3], block.conv2.weight!.shape);
        Assert.Equal((1L, 2L, 1L), (block.conv1.stride[0], block.conv2.stride[0], block.conv3.stride[0])); // torchvision's, not the paper's
    }

    [Theory]
    [CpuData(Stem.Conv7, 1000, 64, 64)]
    [CpuData(Stem.Conv7, 10, 32, 32)]
    [CpuData(Stem.Conv7, 1, 33, 47)]
    [CpuData(Stem.Conv7, 3, 1, 1)]
    [CpuData(Stem.Conv7MaxPool, 10, 65, 31)]
    [CpuData(Stem.Conv7MaxPool, 10, 1, 1)]
    [CpuData(Stem.Conv3, 10, 28, 28)]
    [CpuData(Stem.Conv3, 2, 1, 1)]
    [CpuData(Stem.Conv3, 7, 9, 1)]
    [CudaData(Stem.Conv7, 10, 32, 32)]
    [CudaData(Stem.Conv7MaxPool, 10, 65, 31)]
    [CudaData(Stem.Conv3, 10, 28, 28)]
    public void A_network_gives_one_logit_per_image_and_class(string device, Stem stem, long num_classes, long h, long w)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(num_classes, stem, new Device(device));
        foreach (var n in (long[])[0, 2, 5])
            Assert.Equal([n, num_classes], model.forward(rand(n, 3, h, w, device: new Device(device))).shape);

        model.eval();
        foreach (var n in (long[])[0, 1])
            Assert.Equal([n, num_classes], model.forward(rand(n, 3, h, w, device: new Device(device))).shape);
    }

    [Theory]
    [InlineData(Stem.Conv7, 32, 2)]
    [InlineData(Stem.Conv7MaxPool, 64, 2)]
    [InlineData(Stem.Conv3, 16, 2)]
    [InlineData(Stem.Conv7, 33, 3)]
    [InlineData(Stem.Conv7MaxPool, 65, 3)]
    [InlineData(Stem.Conv3, 17, 3)]
    public void The_stem_decides_the_size_of_the_last_feature_map(Stem stem, long size, long expected)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, stem);
        long[]? features = null;
        model.layer4.register_forward_hook((_, _, output) =>
        {
            features = output.shape;
            return output;
        });

        model.call(rand(2, 3, size, size));
        Assert.Equal([2, 512, expected, expected], features!);
    }

    [Theory]
    [CpuData(ScalarType.Float64)]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.BFloat16)]
    [CpuData(ScalarType.Float16)]
    [CudaData(ScalarType.BFloat16)]
    [CudaData(ScalarType.Float16)]
    public void Device_and_type_reach_every_weight_and_the_output(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, device: new Device(device), dtype: dtype);
        foreach (var (name, tensor) in model.state_dict())
        {
            Assert.Equal(name.EndsWith("num_batches_tracked", StringComparison.Ordinal) ? ScalarType.Int64 : dtype, tensor.dtype);
            Assert.Equal(new Device(device).type, tensor.device_type);
        }

        model.eval();
        using var output = model.forward(rand(2, 3, 32, 32, dtype, new Device(device)));
        Assert.Equal(dtype, output.dtype);
        Assert.True(output.isfinite().all().item<bool>());
    }

    /// <summary>A tensor on the device "meta" has a shape and no values, so moving it to the CPU throws. A module that thought its weights were on the CPU would not try.</summary>
    [Fact]
    public void A_module_knows_the_device_of_its_weights()
    {
        using var scope = NewDisposeScope();
        nn.Module[] modules = [new BasicBlock(3, 4, device: META), new Bottleneck(3, 4, device: META), new ResNet18(10, device: META), new ResNet50(10, device: META)];
        Assert.All(modules, module => Assert.ThrowsAny<Exception>(() => module.to(CPU)));
    }

    [Theory]
    [CudaData]
    public void A_module_created_on_the_GPU_moves_to_the_CPU_and_back(string device)
    {
        using var scope = NewDisposeScope();
        var gpu = new Device(device);
        nn.Module<Tensor, Tensor>[] modules = [new BasicBlock(3, 4, device: gpu), new Bottleneck(3, 4, device: gpu), new ResNet18(10, device: gpu), new ResNet50(10, device: gpu)];
        foreach (var module in modules)
        {
            module.eval();
            var expected = module.call(ones(1, 3, 32, 32, device: gpu));
            module.to(CPU);
            Assert.All(module.state_dict().Values, tensor => Assert.Equal(DeviceType.CPU, tensor.device_type));
            var actual = module.call(ones(1, 3, 32, 32));
            Assert.InRange(((expected.cpu() - actual).abs().max() / actual.abs().max()).item<float>(), 0, 1e-2f); // TF32 convolutions
            module.cuda();
            Assert.All(module.state_dict().Values, tensor => Assert.Equal(DeviceType.CUDA, tensor.device_type));
        }
    }
}
