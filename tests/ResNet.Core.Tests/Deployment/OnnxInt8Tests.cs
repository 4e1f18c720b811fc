using Microsoft.ML.OnnxRuntime;
using ResNet.Core.Tests.Weights;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Compares a network exported in 8 bits with its model.</summary>
public sealed class OnnxInt8Tests(ITestOutputHelper log) : IDisposable
{
    /// <summary>Relative to the largest output. Measured: up to 0.019.</summary>
    private const double Tolerance = 0.04;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File => _folder["model.onnx"];

    [Theory]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    [InlineData(Stem.Conv3)]
    public void ONNX_Runtime_is_close_to_the_model(Stem stem)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, stem);
        OnnxExporter.ExportInt8(model, [CreateImages(8), CreateImages(3, 40, 97)], File);
        Assert.True(model.training);

        AssertAgrees(model, CreateImages(8));
        AssertAgrees(model, CreateImages(1, 65, 33));
    }

    [Theory]
    [InlineData(0.05, 1)]
    [InlineData(1, 0.05)]
    public void Calibration_uses_every_batch(double first, double second)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        OnnxExporter.ExportInt8(model, [CreateImages(4) * first, CreateImages(4) * second], File);
        AssertAgrees(model, CreateImages(4));

        OnnxExporter.ExportInt8(model, [CreateImages(4) * 0.05], File);
        Assert.InRange(MeasureDifference(model, CreateImages(4)), 2 * Tolerance, 2); // values beyond the calibrated range saturate
    }

    [Fact]
    public void Channels_with_zero_weights_or_large_biases_stay_accurate()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        Trained.MakeChannelsExtreme(model);
        OnnxExporter.ExportInt8(model, [CreateImages(8)], File);
        AssertAgrees(model, CreateImages(8));

        OnnxExporter.ExportInt8(model, [zeros(1, 3, 32, 32)], File); // the input's range is 0
        AssertAgrees(model, zeros(1, 3, 32, 32));
    }

    [Fact]
    public void A_model_of_another_type_calibrates_in_that_type()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(dtype: ScalarType.Float64);
        OnnxExporter.ExportInt8(model, [CreateImages(8).to(ScalarType.Float64)], File);
        AssertAgrees(model.to(ScalarType.Float32), CreateImages(8));
    }

    [OnnxFact, Trait(Category.Name, Category.Slow)]
    public void The_ONNX_checker_accepts_the_file_and_every_operator_reads_and_gives_8_bits()
    {
        foreach (var stem in Enum.GetValues<Stem>())
        {
            using var scope = NewDisposeScope();
            using var model = Trained.CreateResNet18(10, stem);
            OnnxExporter.ExportInt8(model, [CreateImages(2)], File);

            var lines = OnnxFactAttribute.Run("check", File).Select(line => line.Split('|')).ToList();
            var nodes = lines.Where(line => line[0] == "node").Select(line => (Type: line[1], Name: line[2], Inputs: line[3].Split(','), Output: line[4])).ToList();
            var tensors = lines.Where(line => line[0] == "tensor").ToDictionary(line => line[1], line => (Type: line[2], Shape: line[3]));
            var operators = nodes.Where(node => node.Type is not ("QuantizeLinear" or "DequantizeLinear")).ToList();
            Assert.Equal(["Add", "Conv", "Flatten", "Gemm", "GlobalAveragePool", .. stem == Stem.Conv7MaxPool ? (string[])["MaxPool"] : []], operators.Select(node => node.Type).Distinct().Order(StringComparer.Ordinal));
            Assert.Equal(20 + 8, operators.Count(node => node.Type is "Conv" or "Add"));
            foreach (var node in operators)
            {
                Assert.All(node.Inputs, input => Assert.Equal("DequantizeLinear", nodes.Single(other => other.Output == input).Type));
                Assert.All(nodes.Where(other => other.Inputs.Contains(node.Output)), reader => Assert.Equal("QuantizeLinear", reader.Type));
            }
            foreach (var node in operators.Where(node => node.Type is "Conv" or "Gemm"))
            {
                var name = node.Type == "Gemm" ? "fc" : node.Name;
                var channels = tensors[$"{name}.weight"].Shape.Split(',')[0];
                Assert.Equal("INT8", tensors[$"{name}.weight"].Type);
                Assert.Equal(("FLOAT", channels), tensors[$"{name}.weight.scale"]);
                Assert.Equal(("INT32", channels), tensors[$"{name}.bias"]);
                Assert.Equal(("FLOAT", channels), tensors[$"{name}.bias.scale"]);
            }
            Assert.All(nodes.Where(node => node.Type == "QuantizeLinear"), node => Assert.Equal(("UINT8", ""), tensors[node.Inputs[2]]));
        }
    }

    /// <summary>Otherwise it would be as slow as float32.</summary>
    [OnnxFact, Trait(Category.Name, Category.Slow)]
    public void ONNX_Runtime_runs_every_operator_in_8_bits_and_converts_to_float32_only_at_the_end()
    {
        foreach (var stem in Enum.GetValues<Stem>())
        {
            using var scope = NewDisposeScope();
            using var model = Trained.CreateResNet18(10, stem);
            OnnxExporter.ExportInt8(model, [CreateImages(2)], File);
            // By default ONNX Runtime warns that such a file is for this machine only.
            new OnnxSession(File, new() { OptimizedModelFilePath = _folder["optimized.onnx"], LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR }).Dispose();

            var types = OnnxFactAttribute.Run("nodes", _folder["optimized.onnx"]).Select(line => line.Split('|')[1]).CountBy(type => type).ToDictionary();
            log.WriteLine(string.Join(", ", types));
            Assert.Equal(20, types["QLinearConv"]);
            Assert.Equal(8, types["QLinearAdd"]);
            Assert.Equal(1, types["QLinearGlobalAveragePool"]);
            Assert.Equal(1, types["QGemm"]);
            Assert.Equal(1, types["QuantizeLinear"]); // the images
            Assert.DoesNotContain(types.Keys, type => type is "DequantizeLinear" or "Conv" or "Add" or "Gemm" or "GlobalAveragePool" or "Relu");
        }
    }

    [Fact]
    public void Names_and_metadata_are_as_in_float32_and_Checkpoint_refuses_the_file()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(2);
        OnnxExporter.ExportInt8(model, [CreateImages(1)], File, new() { Classes = ["a", "b"] }, "images", "scores");
        using var session = new OnnxSession(File);
        Assert.Equal([-1, 3, -1, -1], session.Session.InputMetadata["images"].Dimensions);
        Assert.Equal(typeof(float), session.Session.OutputMetadata["scores"].ElementType);
        Assert.Equal("""["a","b"]""", session.Session.ModelMetadata.CustomMetadataMap["classes"]);
        Assert.Contains("is a quantized ONNX model (QuantizeLinear '", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, File, strict: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calibration_reads_batches_once_and_changes_neither_them_nor_the_model()
    {
        using var model = Trained.CreateResNet18();
        using var unchanged = new Unchanged(model);
        using var batch = CreateImages(2);
        using var copy = batch.clone();
        var batches = new CountedBatches(batch);
        var before = LiveTensors.Count();

        OnnxExporter.ExportInt8(model, batches.Enumerate(), File);

        Assert.Equal(before, Tensor.TotalCount);
        Assert.Equal(1, batches.Enumerations);
        Assert.True(model.training);
        unchanged.Assert();
        Assert.Equal(copy.bytes.ToArray(), batch.bytes.ToArray());
        Assert.Equal([File], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_refused_export_leaves_the_existing_file_unchanged_and_creates_no_other()
    {
        byte[] before = [1, 2, 3];
        _folder.Write("model.onnx", before);
        using var scope = NewDisposeScope();
        using var model = new ResNet18(3);
        using var subclass = new Subclass();
        var images = CreateImages(1);

        Assert.Throws<ArgumentNullException>("model", () => OnnxExporter.ExportInt8(null!, [images], File));
        Assert.Throws<ArgumentNullException>("calibrationBatches", () => OnnxExporter.ExportInt8(model, null!, File));
        Assert.Throws<ArgumentNullException>("path", () => OnnxExporter.ExportInt8(model, [images], null!));
        Assert.Throws<ArgumentException>("outputName", () => OnnxExporter.ExportInt8(model, [images], File, outputName: ""));
        Assert.Throws<DirectoryNotFoundException>(() => OnnxExporter.ExportInt8(model, [images], _folder["none/model.onnx"]));
        AssertRefused("got 'conv1' and 'logits'", () => OnnxExporter.ExportInt8(model, [images], File, inputName: "conv1"));
        AssertRefused("3 classes", () => OnnxExporter.ExportInt8(model, [images], File, new() { Classes = [] }));
        AssertRefused("Subclass", () => OnnxExporter.ExportInt8(subclass, [images], File));

        AssertRefused("at least one image", () => OnnxExporter.ExportInt8(model, [], File));
        AssertRefused("at least one image", () => OnnxExporter.ExportInt8(model, [zeros(0, 3, 32, 32)], File));
        AssertRefused("(N, 3, H, W)", () => OnnxExporter.ExportInt8(model, [images, zeros(1, 1, 32, 32)], File));
        AssertRefused("Float64", () => OnnxExporter.ExportInt8(model, [images.to(ScalarType.Float64)], File));
        AssertRefused("NaN at input", () => OnnxExporter.ExportInt8(model, [images, images * float.NaN], File));
        AssertRefused("finite activations, got", () => OnnxExporter.ExportInt8(model, [images, images / 0], File));
        var disposed = CreateImages(1);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => OnnxExporter.ExportInt8(model, [disposed], File));
        using (no_grad())
            model.bn1.weight!.fill_(1000);
        AssertRefused("at conv1", () => OnnxExporter.ExportInt8(model, [images.sign() * 1e38f], File)); // finite until the model adds them up

        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        Assert.Equal([File], Directory.GetFileSystemEntries(_folder.Path));

        static void AssertRefused(string expected, Action action) => Assert.Contains(expected, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);
    }

    private static Tensor CreateImages(int count, int height = 48, int width = 48) => randn(count, 3, height, width);

    private void AssertAgrees(ResNet18 model, Tensor x)
    {
        var difference = MeasureDifference(model, x);
        log.WriteLine($"{difference:g2}");
        Assert.InRange(difference, 0, Tolerance);
    }

    /// <summary>Compares the file's outputs with those of the model in eval mode.</summary>
    private double MeasureDifference(ResNet18 model, Tensor x)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var session = new OnnxSession(File);
        model.eval();
        return Trained.MeasureDifference(model.forward(x), session.Run(x));
    }

    private sealed class Subclass() : ResNet18(3);
}
