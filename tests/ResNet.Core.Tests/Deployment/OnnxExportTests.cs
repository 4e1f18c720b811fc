using ResNet.Core.Tests.Weights;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>An exported file is the same network in another runtime.</summary>
public sealed class OnnxExportTests(ITestOutputHelper log) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File => _folder["model.onnx"];

    /// <summary>Measured: outputs differ by up to 8e-7, relative to the largest one.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    [InlineData(Stem.Conv3)]
    public void ONNX_Runtime_matches_the_model_in_eval_mode(Stem stem)
    {
        using var model = Trained.CreateResNet18(10, stem);
        OnnxExporter.Export(model, File); // in training mode
        Assert.True(model.training);
        model.eval();

        using var session = new OnnxSession(File);
        foreach (var size in (int[])[32, 65, 224])
            foreach (var batch in (int[])[1, 7, 32])
                AssertAgrees(batch, size, size);
        AssertAgrees(2, 40, 97);
        AssertAgrees(2, 1, 1);

        void AssertAgrees(int batch, int height, int width)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var x = randn(batch, 3, height, width);
            var difference = Trained.MeasureDifference(model.forward(x), session.Run(x));
            log.WriteLine($"{batch}x3x{height}x{width}: {difference:g2}");
            Assert.InRange(difference, 0, 1e-5);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-5)]
    [InlineData(ScalarType.BFloat16, 0.05)] // its own rounding, layer by layer
    public void A_model_of_another_type_is_written_in_float32(ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(7, dtype: dtype);
        OnnxExporter.Export(model, File);
        model.eval();
        using var session = new OnnxSession(File);
        using var _ = no_grad();
        var x = randn(3, 3, 32, 32);
        Assert.InRange(Trained.MeasureDifference(model.forward(x.to(dtype)).to(ScalarType.Float32), session.Run(x)), 0, tolerance);
    }

    [OnnxFact, Trait(Category.Name, Category.Slow)]
    public void The_ONNX_checker_accepts_the_file_and_finds_the_layers_by_name()
    {
        foreach (var stem in Enum.GetValues<Stem>())
        {
            using var model = Trained.CreateResNet18(10, stem);
            OnnxExporter.Export(model, File);
            var lines = OnnxFactAttribute.Run("check", File);

            Assert.Contains("model|8|:17", lines);
            Assert.Contains("input|input|FLOAT|N,3,H,W", lines);
            Assert.Contains("output|logits|FLOAT|N,10", lines);
            Assert.Contains("node|Conv|layer2.0.shortcut.0|layer1.1.add.relu,layer2.0.shortcut.0.weight,layer2.0.shortcut.0.bias|layer2.0.shortcut.0", lines);
            Assert.Contains("tensor|layer2.0.shortcut.0.weight|FLOAT|128,64,1,1", lines);
            Assert.Contains("tensor|fc.weight|FLOAT|10,512", lines);
            Assert.DoesNotContain(lines, line => line.Contains("BatchNormalization", StringComparison.Ordinal));

            // The file has every convolution of the model, and no tensor that no node reads.
            var convolutions = model.named_parameters().Where(entry => entry.parameter.dim() == 4).Select(entry => entry.name).Order(StringComparer.Ordinal);
            Assert.Equal(convolutions, lines.Where(line => line.StartsWith("node|Conv|", StringComparison.Ordinal)).Select(line => line.Split('|')[2] + ".weight").Order(StringComparer.Ordinal));
            var read = lines.Where(line => line.StartsWith("node|", StringComparison.Ordinal)).SelectMany(line => line.Split('|')[3].Split(',')).ToHashSet();
            Assert.All(lines.Where(line => line.StartsWith("tensor|", StringComparison.Ordinal)), line => Assert.Contains(line.Split('|')[1], read));
            Assert.Equal(stem == Stem.Conv7MaxPool, lines.Contains("node|MaxPool|maxpool|conv1.relu|maxpool"));
        }
    }

    [Fact]
    public void Names_shapes_and_metadata_can_be_read_back()
    {
        using var model = new ResNet18(3);
        OnnxExporter.Export(model, File, new OnnxMetadata
        {
            Classes = ["Größe \"1\"", "boot", ""],
            Mean = [0.485, 0.456, 0.406],
            StandardDeviation = [0.229, 0.224, 0.225],
            Properties = new Dictionary<string, string> { ["size"] = "224", ["license"] = "MIT" },
        }, inputName: "images", outputName: "scores");

        using var session = new OnnxSession(File);
        var input = Assert.Single(session.Session.InputMetadata);
        Assert.Equal(("images", typeof(float)), (input.Key, input.Value.ElementType));
        Assert.Equal([-1, 3, -1, -1], input.Value.Dimensions);
        Assert.Equal(["N", "", "H", "W"], input.Value.SymbolicDimensions);
        var output = Assert.Single(session.Session.OutputMetadata);
        Assert.Equal(("scores", typeof(float)), (output.Key, output.Value.ElementType));
        Assert.Equal([-1, 3], output.Value.Dimensions);
        Assert.Equal(["N", ""], output.Value.SymbolicDimensions);

        var metadata = session.Session.ModelMetadata;
        Assert.Equal(("ResNet.Core", "ResNet18"), (metadata.ProducerName, metadata.GraphName));
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["classes"] = """["Größe \"1\"","boot",""]""",
                ["mean"] = "[0.485,0.456,0.406]",
                ["std"] = "[0.229,0.224,0.225]",
                ["size"] = "224",
                ["license"] = "MIT",
            },
            metadata.CustomMetadataMap);
    }

    [OnnxFact, Trait(Category.Name, Category.Slow)]
    public void The_file_contains_the_librarys_version()
    {
        using var model = new ResNet18(3);
        OnnxExporter.Export(model, File);
        var version = typeof(OnnxExporter).Assembly.GetName().Version!;
        Assert.Contains($"producer|ResNet.Core|{version.Major}.{version.Minor}.{version.Build}", OnnxFactAttribute.Run("check", File));
    }

    [Fact]
    public void The_same_weights_give_the_same_bytes_and_the_model_does_not_change()
    {
        using var model = Trained.CreateResNet18();
        using var unchanged = new Unchanged(model);
        Dictionary<string, string> one = new() { ["a"] = "1", ["b"] = "2" }, other = new() { ["b"] = "2", ["a"] = "1" };
        OnnxExporter.Export(model, File, new() { Properties = one });
        var before = LiveTensors.Count();
        OnnxExporter.Export(model, _folder["again.onnx"], new() { Properties = other });
        Assert.Equal(before, Tensor.TotalCount);
        Assert.True(model.training);
        unchanged.Assert();

        Assert.Equal(System.IO.File.ReadAllBytes(File), System.IO.File.ReadAllBytes(_folder["again.onnx"]));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);

        OnnxExporter.Export(model.ToMemoryFormat(memory_format.channels_last), _folder["again.onnx"], new() { Properties = other });
        Assert.Equal(System.IO.File.ReadAllBytes(File), System.IO.File.ReadAllBytes(_folder["again.onnx"]));
    }

    [Fact]
    public void A_refused_export_leaves_the_existing_file_unchanged_and_creates_no_other()
    {
        byte[] before = [1, 2, 3];
        _folder.Write("model.onnx", before);
        using var model = new ResNet18(3);
        using var subclass = new Subclass();
        var disposed = new ResNet18(3);
        disposed.Dispose();

        Assert.Throws<ArgumentNullException>(() => OnnxExporter.Export(null!, File));
        Assert.Throws<ArgumentNullException>(() => OnnxExporter.Export(model, null!));
        Assert.Throws<ArgumentException>(() => OnnxExporter.Export(model, ""));
        Assert.Throws<ObjectDisposedException>(() => OnnxExporter.Export(disposed, File));
        Assert.Contains("Subclass", Assert.Throws<ArgumentException>(() => OnnxExporter.Export(subclass, File)).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => OnnxExporter.Export(model, _folder["none/model.onnx"]));

        Assert.Throws<ArgumentException>("inputName", () => OnnxExporter.Export(model, File, inputName: ""));
        Assert.Throws<ArgumentNullException>("outputName", () => OnnxExporter.Export(model, File, outputName: null!));
        foreach (var (input, output) in ((string, string)[])[("x", "x"), ("conv1", "y"), ("x", "layer1.0.conv1"), ("fc.weight", "y")])
            Assert.Contains($"got '{input}' and '{output}'", Assert.Throws<ArgumentException>(() => OnnxExporter.Export(model, File, null, input, output)).Message, StringComparison.Ordinal);

        AssertRefused("Expected 3 classes, as many as the model has, got 2", new() { Classes = ["a", "b"] });
        AssertRefused("a text for each class, got null", new() { Classes = ["a", null!, "c"] });
        AssertRefused("three finite numbers as Mean, one for each channel, got (0.5)", new() { Mean = [0.5] });
        AssertRefused("three finite numbers as StandardDeviation", new() { StandardDeviation = [1, double.NaN, 1] });
        AssertRefused("'mean'", new() { Mean = [0, 0, 0], Properties = new Dictionary<string, string> { ["mean"] = "0" } });
        AssertRefused("numbers above 0 as StandardDeviation", new() { StandardDeviation = [1, 0, 1] });
        AssertRefused("a text for each class that is Unicode", new() { Classes = ["a", "b\ud800", "c"] });
        AssertRefused("a text for 'size' that is Unicode", new() { Properties = new Dictionary<string, string> { ["size"] = "\udc00" } });
        Assert.Throws<ArgumentException>("inputName", () => OnnxExporter.Export(model, File, inputName: "\ud800"));
        Assert.Throws<ArgumentException>("outputName", () => OnnxExporter.Export(model, File, outputName: "a\0"));
        AssertRefused("a text for 'size'", new() { Properties = new Dictionary<string, string> { ["size"] = null! } });

        Directory.CreateDirectory(_folder["folder.onnx"]);
        Assert.Throws<UnauthorizedAccessException>(() => OnnxExporter.Export(model, _folder["folder.onnx"]));
        Assert.Throws<UnauthorizedAccessException>(() => OnnxExporter.Export(model, _folder["none.onnx/"]));
        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        Assert.Equal([_folder["folder.onnx"], File], Directory.GetFileSystemEntries(_folder.Path).Order());

        OnnxExporter.Export(model, File); // replaces it
        using var session = new OnnxSession(File);

        void AssertRefused(string expected, OnnxMetadata metadata) =>
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => OnnxExporter.Export(model, File, metadata)).Message, StringComparison.Ordinal);
    }

    private sealed class Subclass() : ResNet18(3);
}
