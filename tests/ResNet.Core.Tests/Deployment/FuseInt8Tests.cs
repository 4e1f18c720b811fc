using ResNet.Core.Deployment;
using ResNet.Core.Tests.Weights;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>A network fused in 8 bits against the one that it was made of.</summary>
public class FuseInt8Tests(ITestOutputHelper log)
{
    /// <summary>Relative to the largest answer. Measured: up to 0.014.</summary>
    private const double Tolerance = 0.04;

    /// <summary>Of deep networks that are not trained. Measured: up to 0.033.</summary>
    private const double Deep = 0.08;

    [Int8Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", Stem.Conv7, Tolerance)]
    [InlineData("resnet18", Stem.Conv7MaxPool, Tolerance)]
    [InlineData("resnet18", Stem.Conv3, Tolerance)]
    [InlineData("resnet50", Stem.Conv7, Deep)]
    [InlineData("resnext50_32x4d", Stem.Conv7MaxPool, Deep)]
    public void It_answers_nearly_as_the_model_does_for_every_size_and_when_one_comes_again(string architecture, Stem stem, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Network(architecture, stem);
        using var fused = model.Fuse([Images(8), Images(3, 40, 97)]);
        Assert.True(model.training);
        model.eval();

        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 48, 48), (5, 48, 48), (1, 65, 33), (3, 17, 50)])
        {
            using var inner = NewDisposeScope();
            var x = Images(batch, height, width);
            var first = fused.call(x);
            Assert.Equal(ScalarType.Float32, first.dtype);
            var apart = Trained.Apart(model.call(x), first);
            log.WriteLine($"{batch}x3x{height}x{width}: {apart:g2}");
            Assert.InRange(apart, 1e-4, tolerance); // less were float32
            for (var i = 0; i < SizedPrograms.CallsBefore + 2; i++) // and with weights for the size
                Assert.InRange(Trained.Apart(first, fused.call(x.ToMemoryFormat(memory_format.channels_last))), 0, tolerance / 4);

            foreach (var value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                x[batch - 1, 1, height - 1, 0] = value;
                var answer = fused.call(x);
                Assert.Equal(Enumerable.Range(1, batch).Select(image => image < batch), answer.isfinite().all(1).data<bool>().ToArray());
                Assert.InRange(batch == 1 ? 0 : Trained.Apart(first[..^1], answer[..^1]), 0, tolerance / 4);
            }
        }
        Assert.Equal([0, 10], fused.call(zeros(0, 3, 8, 8)).shape);
        Assert.Equal([2, 10], fused.call(Images(2, 1, 1)).shape);
    }

    /// <summary>Measured: 0.7 to 0.8 of its error, since biases and the classifier are float32 here.</summary>
    [Int8Theory]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    public void It_is_as_near_to_the_model_as_ONNX_Runtime_is(Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var folder = new TempFolder();
        using var model = Trained.ResNet18(100, stem);
        var batch = Images(8);
        using var fused = model.Fuse([batch]);
        OnnxExporter.ExportInt8(model, [batch], folder["model.onnx"]);
        using var session = new OnnxSession(folder["model.onnx"]);
        model.eval();
        var x = Images(16);
        var exact = model.call(x);
        var (ours, theirs) = (Rms(exact - fused.call(x)), Rms(exact - session.Run(x)));
        log.WriteLine($"{ours / Rms(exact):g3}, ONNX Runtime {theirs / Rms(exact):g3}");
        Assert.InRange(ours / theirs, 0.5, 1.2);

        static double Rms(Tensor x) => x.square().mean().sqrt().item<float>();
    }

    [Int8Theory]
    [InlineData(0.05, 1)]
    [InlineData(1, 0.05)]
    public void Every_batch_counts(double first, double second)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        using (var fused = model.Fuse([Images(4) * first, Images(4) * second]))
            Assert.InRange(Apart(model, fused, Images(4)), 0, Tolerance);
        using (var fused = model.Fuse([Images(4) * 0.05]))
            Assert.InRange(Apart(model, fused, Images(4)), 2 * Tolerance, 2); // what it has not seen is cut off
    }

    [Int8Fact]
    public void Channels_without_weights_and_with_large_biases_are_exact_enough()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        foreach (var norm in Trained.MakeChannelsExtreme(model))
            using (no_grad())
                norm.weight![3] = tensor(1e-40f);
        using (var fused = model.Fuse([Images(8)]))
            Assert.InRange(Apart(model, fused, Images(8)), 0, Tolerance);
        using (var fused = model.Fuse([zeros(1, 3, 32, 32)])) // the input's range is 0
            Assert.InRange(Apart(model, fused, zeros(1, 3, 32, 32)), 0, Tolerance);
    }

    [Int8Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void A_model_of_another_type_takes_batches_of_its_own_and_answers_float32(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18().to(dtype);
        using var fused = model.Fuse([Images(8).to(dtype)]);
        Assert.InRange(Apart(model.to(ScalarType.Float32), fused, Images(8)), 0, Tolerance);
    }

    /// <summary>For which libtorch has other code than oneDNN.</summary>
    [Int8Fact]
    public void More_than_a_hundred_groups_are_right()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        model.layer4.append(new Bottleneck(512, 128, groups: 128, base_width: 1));
        Trained.Change(model);
        using var fused = model.Fuse([Images(8)]);
        Assert.InRange(Apart(model, fused, Images(4)), 0, Tolerance);
    }

    [Int8Fact]
    public void Sums_that_32_bits_do_not_hold_are_refused()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        typeof(ResidualNetwork).GetProperty("conv1")!.SetValue(model, nn.Conv2d(3, 64, 149, stride: 2, padding: 74, bias: false));
        var message = Assert.Throws<ArgumentException>(() => model.Fuse([Images(1, 8, 8)])).Message;
        Assert.Contains("conv1", message, StringComparison.Ordinal);
        Assert.Contains($"{3 * 149 * 149}", message, StringComparison.Ordinal);
    }

    [Int8Fact]
    public void Batches_are_gone_through_once_and_left_alone_and_nothing_is_left_behind()
    {
        using var model = Trained.ResNet18();
        using var batch = Images(2);
        using var copy = batch.clone();
        var times = 0;
        var before = LiveTensors.Count();
        nn.Module<Tensor, Tensor> fused;
        using (NewDisposeScope())
            fused = model.Fuse(Batches());
        Assert.Equal(1, times);
        Assert.Equal(copy.bytes.ToArray(), batch.bytes.ToArray());
        Assert.InRange(Tensor.TotalCount - before, 42, 42); // 20 convolutions with their biases, the classifier with its own

        for (var i = 0; i < SizedPrograms.CallsBefore + 1; i++)
            using (var logits = fused.call(batch))
                Assert.Equal(before + 43, Tensor.TotalCount);
        Assert.Equal(before + 42, Tensor.TotalCount); // a size's own weights are not tensors
        fused.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
        Assert.Throws<ObjectDisposedException>(() => fused.call(batch));

        IEnumerable<Tensor> Batches()
        {
            times++;
            yield return batch;
            using var another = Images(2);
            yield return another;
        }
    }

    /// <summary>From the first call on, and while sizes get their own weights.</summary>
    [Int8Fact, Trait(Category.Name, Category.Slow)]
    public void Many_threads_and_sizes_get_the_answers_of_one_thread_and_memory_does_not_grow()
    {
        const int Threads = 8, Requests = 300, First = 150;
        using var model = Trained.ResNet18();
        var images = Enumerable.Range(0, 12).Select(i => Images(1 + i % 2, 8 + 3 * i, 8 + 2 * i)).ToArray();
        float[][] answers;
        using (var alone = model.Fuse(images))
            answers = [.. images.Select(image => Ask(alone, image))];

        using var fused = model.Fuse(images);
        var (wrong, afterFirst, atTheEnd) = Crowd.Run(Threads, Requests, First, images.Length, which =>
        {
            var (answer, expected) = (Ask(fused, images[which]), answers[which]);
            // Kernels of one size and of any may round otherwise.
            return answer.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance / 4 * expected.Max(Math.Abs));
        });
        Assert.Equal(0, wrong);
        var grown = atTheEnd - afterFirst;
        log.WriteLine($"{grown >> 10} KiB");
        Assert.InRange(grown, long.MinValue, 60 << 20); // weights for a few sizes, and not the activations of 1,200 calls
        Array.ForEach(images, image => image.Dispose());

        static float[] Ask(nn.Module<Tensor, Tensor> network, Tensor image)
        {
            using var scope = NewDisposeScope();
            return network.call(image).data<float>().ToArray();
        }
    }

    /// <summary>Packed weights are no tensors, which are counted elsewhere.</summary>
    [Int8Fact, Trait(Category.Name, Category.Slow)]
    public void Disposed_networks_give_their_memory_back()
    {
        using var model = Trained.ResNet18();
        using var batch = Images(1);
        Make(5);
        var before = Environment.WorkingSet;
        Make(20);
        var grown = Environment.WorkingSet - before;
        log.WriteLine($"{grown >> 10} KiB");
        Assert.InRange(grown, long.MinValue, 400 << 20); // 825 MB while libtorch kept the weights; some of it is glibc's

        void Make(int count)
        {
            for (var i = 0; i < count; i++)
                using (var fused = model.Fuse([batch]))
                    for (var call = 0; call < SizedPrograms.CallsBefore; call++)
                        fused.call(batch).Dispose();
        }
    }

    [Fact]
    public void Where_8_bits_are_not_supported_it_says_what_it_wants()
    {
        using var model = new ResNet18(10);
        using var batch = Images(1);
        if (FuseExtensions.IsInt8Supported)
            model.Fuse([batch]).Dispose();
        else
            Assert.Contains("AVX-512 VNNI", Assert.Throws<PlatformNotSupportedException>(() => model.Fuse([batch])).Message, StringComparison.Ordinal);
    }

    /// <summary>Without VNNI, sums of products would saturate and give wrong answers.</summary>
    [Int8Theory]
    [InlineData("AVX2", false)]
    [InlineData("AVX512_CORE", false)]
    [InlineData("AVX512_CORE_VNNI", true)]
    public void Where_oneDNN_is_told_not_to_use_VNNI_it_is_not_supported(string instructions, bool supported) =>
        Assert.Equal($"{supported}", ChildProcess.Run("int8", "", ("ONEDNN_MAX_CPU_ISA", instructions)));

    [Int8Fact]
    public void What_it_cannot_take_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(3);
        var images = Images(1);
        Assert.Throws<ArgumentNullException>("model", () => ((ResNet18)null!).Fuse([images]));
        Assert.Throws<ArgumentNullException>("calibrationBatches", () => model.Fuse((IEnumerable<Tensor>)null!));
        AssertRefused("Subclass", () => new Subclass().Fuse([images]));
        AssertRefused("at least one", () => model.Fuse([]));
        AssertRefused("at least one", () => model.Fuse([zeros(0, 3, 32, 32)]));
        AssertRefused("(N, 3, H, W)", () => model.Fuse([images, zeros(1, 1, 32, 32)]));
        AssertRefused("Float64", () => model.Fuse([images.to(ScalarType.Float64)]));
        AssertRefused("NaN at input", () => model.Fuse([images, images * float.NaN]));
        var disposed = Images(1);
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

    private static Tensor Images(int count, int height = 48, int width = 48) => randn(count, 3, height, width);

    private static double Apart(ResidualNetwork model, nn.Module<Tensor, Tensor> fused, Tensor x)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        model.eval();
        return Trained.Apart(model.forward(x), fused.call(x));
    }

    private sealed class Subclass() : ResNet18(3);
}
