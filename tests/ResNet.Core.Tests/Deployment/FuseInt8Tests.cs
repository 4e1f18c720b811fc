using ResNet.Core.Deployment;
using ResNet.Core.Tests.Weights;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Compares a network fused in 8 bits with its model.</summary>
public class FuseInt8Tests(ITestOutputHelper log)
{
    /// <summary>Relative to the largest output. Measured: up to 0.014.</summary>
    private const double Tolerance = 0.04;

    /// <summary>The same for deep, untrained networks. Measured: up to 0.033.</summary>
    private const double DeepTolerance = 0.08;

    [Int8Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", Stem.Conv7, Tolerance)]
    [InlineData("resnet18", Stem.Conv7MaxPool, Tolerance)]
    [InlineData("resnet18", Stem.Conv3, Tolerance)]
    [InlineData("resnet50", Stem.Conv7, DeepTolerance)]
    [InlineData("resnext50_32x4d", Stem.Conv7MaxPool, DeepTolerance)]
    public void Outputs_are_close_to_the_model_for_new_and_recurring_sizes(string architecture, Stem stem, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture, stem);
        using var fused = model.Fuse([CreateImages(8), CreateImages(3, 40, 97)]);
        Assert.True(model.training);
        model.eval();

        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 48, 48), (5, 48, 48), (1, 65, 33), (3, 17, 50)])
        {
            using var inner = NewDisposeScope();
            var x = CreateImages(batch, height, width);
            var first = fused.call(x);
            Assert.Equal(ScalarType.Float32, first.dtype);
            var difference = Trained.MeasureDifference(model.call(x), first);
            log.WriteLine($"{batch}x3x{height}x{width}: {difference:g2}");
            Assert.InRange(difference, 1e-4, tolerance); // float32 would be closer
            for (var i = 0; i < SizedPrograms.CallsBefore + 2; i++) // with the weights of this size, too
                Assert.InRange(Trained.MeasureDifference(first, fused.call(x.ToMemoryFormat(memory_format.channels_last))), 0, tolerance / 4);

            foreach (var value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                x[batch - 1, 1, height - 1, 0] = value;
                var output = fused.call(x);
                Assert.Equal(Enumerable.Range(1, batch).Select(image => image < batch), output.isfinite().all(1).data<bool>().ToArray());
                Assert.InRange(batch == 1 ? 0 : Trained.MeasureDifference(first[..^1], output[..^1]), 0, tolerance / 4);
            }
        }
        Assert.Equal([0, 10], fused.call(zeros(0, 3, 8, 8)).shape);
        Assert.Equal([2, 10], fused.call(CreateImages(2, 1, 1)).shape);
    }

    /// <summary>Measured: 0.7 to 0.8 of ONNX Runtime's error, because biases and the classifier are float32 here.</summary>
    [Int8Theory]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    public void The_error_is_comparable_to_that_of_ONNX_Runtime(Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var folder = new TempFolder();
        using var model = Trained.CreateResNet18(100, stem);
        var batch = CreateImages(8);
        using var fused = model.Fuse([batch]);
        OnnxExporter.ExportInt8(model, [batch], folder["model.onnx"]);
        using var session = new OnnxSession(folder["model.onnx"]);
        model.eval();
        var x = CreateImages(16);
        var exact = model.call(x);
        var (ours, theirs) = (ComputeRms(exact - fused.call(x)), ComputeRms(exact - session.Run(x)));
        log.WriteLine($"{ours / ComputeRms(exact):g3}, ONNX Runtime {theirs / ComputeRms(exact):g3}");
        Assert.InRange(ours / theirs, 0.5, 1.2);

        static double ComputeRms(Tensor x) => x.square().mean().sqrt().item<float>();
    }

    [Int8Theory]
    [InlineData(0.05, 1)]
    [InlineData(1, 0.05)]
    public void Calibration_uses_every_batch(double first, double second)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        using (var fused = model.Fuse([CreateImages(4) * first, CreateImages(4) * second]))
            Assert.InRange(MeasureDifference(model, fused, CreateImages(4)), 0, Tolerance);
        using (var fused = model.Fuse([CreateImages(4) * 0.05]))
            Assert.InRange(MeasureDifference(model, fused, CreateImages(4)), 2 * Tolerance, 2); // values beyond the calibrated range saturate
    }

    [Int8Fact]
    public void Channels_with_zero_weights_or_large_biases_stay_accurate()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        foreach (var norm in Trained.MakeChannelsExtreme(model))
            using (no_grad())
                norm.weight![3] = tensor(1e-40f);
        using (var fused = model.Fuse([CreateImages(8)]))
            Assert.InRange(MeasureDifference(model, fused, CreateImages(8)), 0, Tolerance);
        using (var fused = model.Fuse([zeros(1, 3, 32, 32)])) // the input's range is 0
            Assert.InRange(MeasureDifference(model, fused, zeros(1, 3, 32, 32)), 0, Tolerance);
    }

    [Int8Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void A_model_of_another_type_calibrates_in_that_type_and_gives_float32(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18().to(dtype);
        using var fused = model.Fuse([CreateImages(8).to(dtype)]);
        Assert.InRange(MeasureDifference(model.to(ScalarType.Float32), fused, CreateImages(8)), 0, Tolerance);
    }

    /// <summary>libtorch does not use oneDNN for these.</summary>
    [Int8Fact]
    public void More_than_100_groups_are_computed_correctly()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        model.layer4.append(new Bottleneck(512, 128, groups: 128, base_width: 1));
        Trained.Perturb(model);
        using var fused = model.Fuse([CreateImages(8)]);
        Assert.InRange(MeasureDifference(model, fused, CreateImages(4)), 0, Tolerance);
    }

    [Int8Fact]
    public void Sums_that_overflow_32_bits_are_refused()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        typeof(ResidualNetwork).GetProperty("conv1")!.SetValue(model, nn.Conv2d(3, 64, 149, stride: 2, padding: 74, bias: false));
        var message = Assert.Throws<ArgumentException>(() => model.Fuse([CreateImages(1, 8, 8)])).Message;
        Assert.Contains("conv1", message, StringComparison.Ordinal);
        Assert.Contains($"{3 * 149 * 149}", message, StringComparison.Ordinal);
    }

    [Int8Fact]
    public void Calibration_reads_batches_once_without_changing_them_and_leaks_no_tensors()
    {
        using var model = Trained.CreateResNet18();
        using var batch = CreateImages(2);
        using var copy = batch.clone();
        var batches = new CountedBatches(batch);
        var before = LiveTensors.Count();
        nn.Module<Tensor, Tensor> fused;
        using (NewDisposeScope())
            fused = model.Fuse(batches.Enumerate());
        Assert.Equal(1, batches.Enumerations);
        Assert.Equal(copy.bytes.ToArray(), batch.bytes.ToArray());
        Assert.InRange(Tensor.TotalCount - before, 42, 42); // the weights and biases of 20 convolutions and the classifier

        for (var i = 0; i < SizedPrograms.CallsBefore + 1; i++)
            using (var logits = fused.call(batch))
                Assert.Equal(before + 43, Tensor.TotalCount);
        Assert.Equal(before + 42, Tensor.TotalCount); // the weights of a size are not tensors
        fused.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
        Assert.Throws<ObjectDisposedException>(() => fused.call(batch));
    }

    /// <summary>From the first call on, while sizes get their own weights.</summary>
    [Int8Fact, Trait(Category.Name, Category.Slow)]
    public void Many_threads_and_sizes_get_correct_outputs_and_memory_does_not_grow()
    {
        const int Threads = 8, Requests = 300, First = 150;
        using var model = Trained.CreateResNet18();
        var images = Enumerable.Range(0, 12).Select(i => CreateImages(1 + i % 2, 8 + 3 * i, 8 + 2 * i)).ToArray();
        float[][] expectedOutputs;
        using (var alone = model.Fuse(images))
            expectedOutputs = [.. images.Select(image => Predict(alone, image))];

        using var fused = model.Fuse(images);
        var (wrong, afterFirst, atTheEnd) = Crowd.Run(Threads, Requests, First, images.Length, index =>
        {
            var (output, expected) = (Predict(fused, images[index]), expectedOutputs[index]);
            // The kernels for one size may round differently than those for any size.
            return output.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance / 4 * expected.Max(Math.Abs));
        });
        Assert.Equal(0, wrong);
        var grown = atTheEnd - afterFirst;
        log.WriteLine($"{grown >> 10} KiB");
        Assert.InRange(grown, long.MinValue, 60 << 20); // room for the weights of a few sizes, but not for the activations of 1,200 calls
        Array.ForEach(images, image => image.Dispose());

        static float[] Predict(nn.Module<Tensor, Tensor> network, Tensor image)
        {
            using var scope = NewDisposeScope();
            return network.call(image).data<float>().ToArray();
        }
    }

    /// <summary>Packed weights are not tensors, so the tests that count tensors do not see them.</summary>
    [Int8Fact, Trait(Category.Name, Category.Slow)]
    public void Disposed_networks_return_their_memory()
    {
        using var model = Trained.CreateResNet18();
        using var batch = CreateImages(1);
        FuseAndDispose(5);
        var before = Environment.WorkingSet;
        FuseAndDispose(20);
        var grown = Environment.WorkingSet - before;
        log.WriteLine($"{grown >> 10} KiB");
        Assert.InRange(grown, long.MinValue, 400 << 20); // 825 MB when libtorch kept the weights; glibc keeps a part

        void FuseAndDispose(int count)
        {
            for (var i = 0; i < count; i++)
                using (var fused = model.Fuse([batch]))
                    for (var call = 0; call < SizedPrograms.CallsBefore; call++)
                        fused.call(batch).Dispose();
        }
    }

    [Fact]
    public void Fuse_says_what_it_needs_where_8_bits_are_not_supported()
    {
        using var model = new ResNet18(10);
        using var batch = CreateImages(1);
        if (FuseExtensions.IsInt8Supported)
            model.Fuse([batch]).Dispose();
        else
            Assert.Contains("AVX-512 VNNI", Assert.Throws<PlatformNotSupportedException>(() => model.Fuse([batch])).Message, StringComparison.Ordinal);
    }

    /// <summary>Without VNNI, sums of products would saturate and the outputs would be wrong.</summary>
    [Int8Theory]
    [InlineData("AVX2", false)]
    [InlineData("AVX512_CORE", false)]
    [InlineData("AVX512_CORE_VNNI", true)]
    public void Int8_is_not_supported_where_oneDNN_is_told_not_to_use_VNNI(string instructions, bool supported) =>
        Assert.Equal($"{supported}", ChildProcess.Run("int8", "", ("ONEDNN_MAX_CPU_ISA", instructions)));

    [Int8Fact]
    public void Bad_models_batches_and_inputs_are_refused()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(3);
        var images = CreateImages(1);
        Assert.Throws<ArgumentNullException>("model", () => ((ResNet18)null!).Fuse([images]));
        Assert.Throws<ArgumentNullException>("calibrationBatches", () => model.Fuse((IEnumerable<Tensor>)null!));
        AssertRefused("Subclass", () => new Subclass().Fuse([images]));
        AssertRefused("at least one", () => model.Fuse([]));
        AssertRefused("at least one", () => model.Fuse([zeros(0, 3, 32, 32)]));
        AssertRefused("(N, 3, H, W)", () => model.Fuse([images, zeros(1, 1, 32, 32)]));
        AssertRefused("Float64", () => model.Fuse([images.to(ScalarType.Float64)]));
        AssertRefused("NaN at input", () => model.Fuse([images, images * float.NaN]));
        var disposed = CreateImages(1);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Fuse([disposed]));

        using var fused = model.Fuse([images]);
        AssertRefused("(N, 3, H, W)", () => fused.call(zeros(1, 1, 32, 32)));
        AssertRefused("Float64", () => fused.call(images.to(ScalarType.Float64)));
        using (no_grad())
            ((BasicBlock)model.layer3[1]).conv1.weight!.fill_(float.NaN);
        AssertRefused("layer3.1.conv1", () => model.Fuse([images]));

        static void AssertRefused(string expected, Action action) => Assert.Contains(expected, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);
    }

    private static Tensor CreateImages(int count, int height = 48, int width = 48) => randn(count, 3, height, width);

    private static double MeasureDifference(ResidualNetwork model, nn.Module<Tensor, Tensor> fused, Tensor x)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        model.eval();
        return Trained.MeasureDifference(model.forward(x), fused.call(x));
    }

    private sealed class Subclass() : ResNet18(3);
}
