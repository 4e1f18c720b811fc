using ResNet.Core.Deployment;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Fused and exported networks match the model, for every depth and width.</summary>
public sealed class FamilyTests(ITestOutputHelper log) : IDisposable
{
    /// <summary>The tolerance in float32, relative to the largest output. Measured: up to 3e-6.</summary>
    private const double Single = 1e-5;

    /// <summary>The tolerance in 8 bits for untrained networks. Measured: up to 0.06.</summary>
    private const double EightBits = 0.12;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Names => Family.Names;

    [FamilyTheory]
    [MemberData(nameof(Names))]
    public void Fuse_ONNX_Runtime_and_a_model_loaded_from_ONNX_match_the_model(string architecture)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture);
        using var fused = model.Fuse();
        OnnxExporter.Export(model, _folder["model.onnx"]);
        using var session = new OnnxSession(_folder["model.onnx"]);
        model.eval();

        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 33, 65), (7, 31, 32), (32, 24, 17), (2, 1, 1)])
        {
            using var inner = NewDisposeScope();
            var x = randn(batch, 3, height, width);
            var expected = model.call(x);
            AssertClose(expected, fused.call(x), Single, $"{batch}x3x{height}x{width}, fused");
            AssertClose(expected, session.Run(x), Single, $"{batch}x3x{height}x{width}, ONNX Runtime");
        }
        var image = randn(1, 3, 24, 17);
        var expectedLogits = model.call(image);
        AssertClose(expectedLogits, fused.call(image.ToMemoryFormat(memory_format.channels_last)), Single, "fused, channels-last");
        Assert.Equal([0, 10], fused.call(zeros(0, 3, 32, 32)).shape);

        foreach (var tensor in model.state_dict().Values)
            tensor.zero_();
        Assert.True(Checkpoint.Load(model, _folder["model.onnx"]).IsComplete);
        AssertClose(expectedLogits, model.call(image), Single, "loaded from ONNX");
    }

    [FamilyTheory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Names))]
    public void Networks_in_8_bits_are_close_to_the_model(string architecture)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture);
        Tensor[] calibration = [randn(8, 3, 32, 32) + 0.5, randn(3, 3, 33, 47) + 0.5];
        OnnxExporter.ExportInt8(model, calibration, _folder["model.onnx"]);
        using var session = new OnnxSession(_folder["model.onnx"]);
        using var fused = FuseExtensions.IsInt8Supported ? model.Fuse(calibration) : null;
        model.eval();
        foreach (var (batch, height, width) in ((int, int, int)[])[(7, 31, 32), (1, 40, 33)])
        {
            var x = randn(batch, 3, height, width) + 0.5;
            AssertClose(model.call(x), session.Run(x), EightBits, $"{batch}x3x{height}x{width}, ONNX Runtime");
            if (fused is not null)
                AssertClose(model.call(x), fused.call(x), EightBits, $"{batch}x3x{height}x{width}, fused");
        }
    }

    [FamilyTheory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Names))]
    public void Many_threads_get_correct_outputs_and_bad_inputs_are_refused(string architecture)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.Create(architecture);
        model.eval();
        using var fused = model.Fuse();
        foreach (var network in (nn.Module<Tensor, Tensor>[])[model, fused])
        {
            Tensor[] images = [randn(1, 3, 24, 17), randn(2, 3, 16, 21)];
            for (var i = 0; i < SizedPrograms.CallsBefore; i++)
                Array.ForEach(images, image => Predict(image)); // so that both sizes get their own weights
            float[][] outputs = [.. images.Select(Predict)];
            var live = LiveTensors.Count();
            var wrong = 0;
            Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            {
                if (!Predict(images[i % 2]).AsSpan().SequenceEqual(outputs[i % 2]))
                    Interlocked.Increment(ref wrong);
            });
            Assert.Equal(0, wrong);
            Assert.Equal(live, Tensor.TotalCount);

            Assert.Contains("(N, 3, H, W)", Assert.Throws<ArgumentException>(() => network.call(images[0][0])).Message, StringComparison.Ordinal);
            Assert.Contains("(N, 3, H, W)", Assert.Throws<ArgumentException>(() => network.call(zeros(1, 1, 32, 32))).Message, StringComparison.Ordinal);
            Assert.Contains("Float64", Assert.Throws<ArgumentException>(() => network.call(images[0].to(ScalarType.Float64))).Message, StringComparison.Ordinal);
            Assert.Contains(model.GetType().Name, Assert.Throws<ArgumentException>(() => network.call(zeros(3, 32, 32))).Message, StringComparison.Ordinal);

            float[] Predict(Tensor image)
            {
                using var inner = NewDisposeScope();
                using var inference = inference_mode();
                return network.call(image).data<float>().ToArray();
            }
        }
    }

    /// <summary>Bottlenecks with and without groups, in the variants that other tests cover with ResNet-18.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet50", Stem.Conv7, ScalarType.Float32, Single)]
    [InlineData("resnet50", Stem.Conv3, ScalarType.Float32, Single)]
    [InlineData("resnet50", Stem.Conv7MaxPool, ScalarType.Float64, 1e-12)]
    [InlineData("resnet50", Stem.Conv7MaxPool, ScalarType.BFloat16, 0.1)]
    [InlineData("resnext50_32x4d", Stem.Conv7, ScalarType.Float32, Single)]
    [InlineData("resnext50_32x4d", Stem.Conv3, ScalarType.Float32, Single)]
    [InlineData("resnext50_32x4d", Stem.Conv3, ScalarType.Float64, 1e-12)]
    public void Bottlenecks_match_the_model_with_other_stems_and_types(string architecture, Stem stem, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture, stem).to(dtype).ToMemoryFormat(memory_format.channels_last);
        using var fused = model.Fuse();
        OnnxExporter.Export(model, _folder["model.onnx"]); // in float32
        using var session = new OnnxSession(_folder["model.onnx"]);
        model.eval();

        var x = randn([3, 3, 37, 33], dtype);
        AssertClose(model.call(x), fused.call(x), tolerance, "fused");
        AssertClose(model.call(x).to(ScalarType.Float32), session.Run(x.to(ScalarType.Float32)), Math.Max(tolerance, Single), "ONNX Runtime");
        x[1, 2, 5, 5] = double.NaN;
        var outputs = fused.call(x).isfinite().all(1);
        Assert.Equal([true, false, true], outputs.data<bool>().ToArray());
    }

    [Theory]
    [InlineData("resnet50")]
    [InlineData("resnext50_32x4d")]
    public void A_changed_bottleneck_is_refused_by_name(string architecture)
    {
        using var model = Family.Create(architecture, 10);
        var block = (Bottleneck)model.layer2[1];
        AssertRefused(() => block.conv2.dilation = [2, 2], "layer2.1.conv2", "dilation");
        block.conv2.dilation = [1, 1];
        AssertRefused(() => block.conv3.stride = [2, 2], "layer2.1", "same shape");
        block.conv3.stride = [1, 1];
        AssertRefused(() => block.bn3.running_var![0] = -1, "layer2.1.conv3", "finite");
        block.bn3.running_var![0] = 1;
        var hook = block.conv3.register_forward_hook((_, _, output) => output);
        AssertRefused(() => { }, "layer2.1.conv3", "hook");
        hook.remove();
        model.Fuse().Dispose();

        void AssertRefused(Action change, params string[] messageParts)
        {
            using var _ = no_grad();
            change();
            var message = Assert.Throws<ArgumentException>(() => model.Fuse()).Message;
            Assert.All(messageParts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_subclass_is_refused_with_the_expected_type()
    {
        using var model = new Subclass();
        var message = Assert.Throws<ArgumentException>(() => model.Fuse()).Message;
        Assert.Contains("a ResNeXt50_32x4d itself", message, StringComparison.Ordinal);
        Assert.Contains(nameof(Subclass), message, StringComparison.Ordinal);
    }

    private sealed class Subclass() : ResNeXt50_32x4d(10);

    private void AssertClose(Tensor expected, Tensor actual, double tolerance, string name)
    {
        var difference = Trained.MeasureDifference(expected, actual);
        log.WriteLine($"{name}: {difference:g2}");
        Assert.InRange(difference, 0, tolerance);
    }
}
