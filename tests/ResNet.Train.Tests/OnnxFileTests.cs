using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>An ONNX file of another network is refused, because its outputs would get the names of the wrong classes.</summary>
public sealed class OnnxFileTests : IDisposable
{
    private static readonly ModelConfig own = new(Stem.Conv3, 32, 0.875, Grayscale: false, new Normalization([0.5, 0.25, 0.125], [1.0 / 3, 1, 1e-7]), ["café", "dog <b>"]);

    private readonly TempFolder _folder = new();

    public OnnxFileTests() => _folder.Write(ModelConfig.FileName, own.ToJson());

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_export_of_the_network_is_accepted_with_or_without_its_description()
    {
        using (OnnxPredictor.Load(Export(OnnxFile.Describe(own)))) { }
        using (OnnxPredictor.Load(Export(null))) { }
        using (OnnxPredictor.Load(Export(new OnnxMetadata { Classes = own.Classes, Properties = new Dictionary<string, string> { ["author"] = "me" } }))) { }
    }

    public static TheoryData<string> Differences => ["other classes", "another order", "arch", "size", "frame", "grey", "mean", "std"];

    [Theory]
    [MemberData(nameof(Differences))]
    public void Another_network_is_refused_and_the_difference_named(string kind)
    {
        var (other, message) = kind switch
        {
            "other classes" => (own with { Classes = ["cat", "mouse"] }, "expected classes (café, dog <b>), got (cat, mouse)"),
            "another order" => (own with { Classes = ["dog <b>", "café"] }, "expected classes (café, dog <b>), got (dog <b>, café)"),
            "arch" => (own with { Architecture = Architecture.resnet50 }, "expected arch resnet18, got resnet50"),
            "size" => (own with { Size = 64 }, "expected size 32, got 64"),
            "frame" => (own with { CropRatio = 1 }, "expected frame 0.875, got 1"),
            "grey" => (own with { Grayscale = true }, "expected grey false, got true"),
            "mean" => (own with { Normalization = own.Normalization with { Mean = [0.5, 0.25, 0.1] } }, "expected mean (0.5, 0.25, 0.125), got (0.5, 0.25, 0.1)"),
            _ => (own with { Normalization = own.Normalization with { StandardDeviation = [1.0 / 3, 1, 2] } }, "expected std ("),
        };
        var file = Export(OnnxFile.Describe(other));
        var problem = Assert.Throws<UserException>(() => OnnxPredictor.Load(file)).Message;
        Assert.StartsWith($"{file}: expected the network in network.json beside it, got another one: {message}", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_message_shows_only_some_of_many_classes()
    {
        var many = own with { Classes = [.. Enumerable.Range(0, 1000).Select(i => $"class {i}")] };
        var difference = OnnxFile.FindDifference(many, new Dictionary<string, string> { ["classes"] = "none" });
        Assert.StartsWith("expected classes (class 0, class 1, ", difference, StringComparison.Ordinal);
        Assert.EndsWith("…, got none", difference, StringComparison.Ordinal);
        Assert.True(difference!.Length < 200);
    }

    private string Export(OnnxMetadata? metadata)
    {
        using var model = new ResNet18(2, Stem.Conv3, CPU);
        OnnxExporter.Export(model, _folder["other.onnx"], metadata);
        return _folder["other.onnx"];
    }
}
