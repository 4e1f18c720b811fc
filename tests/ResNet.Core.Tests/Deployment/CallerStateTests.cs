using System.Text.Json;
using ResNet.Core.Tests.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>The caller's modes and defaults apply to the caller's own tensors. They do not change fused networks and exported files.</summary>
public sealed class CallerStateTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("Autocast")]
    [InlineData("inference_mode")]
    [InlineData("no_grad")]
    [InlineData("a default type")]
    [InlineData("a default device")]
    [InlineData("a dispose scope")]
    public void Files_and_fused_networks_do_not_depend_on_the_callers_modes_and_defaults(string surroundings)
    {
        using var model = Trained.CreateResNet18();
        using var batch = randn(2, 3, 32, 32);
        using var before = model.Fuse();
        using var before8 = FuseExtensions.IsInt8Supported ? model.Fuse([batch]) : null;
        var files = Export(model, batch);

        nn.Module<Tensor, Tensor> fused;
        nn.Module<Tensor, Tensor>? fused8;
        byte[][] again;
        var type = get_default_dtype();
        try
        {
            using var autocast = surroundings == "Autocast" ? new Autocast(DeviceType.CPU) : default;
            using IDisposable? mode = surroundings switch
            {
                "inference_mode" => inference_mode(),
                "no_grad" => no_grad(),
                "a dispose scope" => NewDisposeScope(),
                _ => null,
            };
            if (surroundings == "a default type")
                set_default_dtype(ScalarType.Float64);
            if (surroundings == "a default device")
                set_default_device(META);
            fused = model.Fuse();
            fused8 = FuseExtensions.IsInt8Supported ? model.Fuse([batch]) : null;
            again = Export(model, batch);
        }
        finally
        {
            set_default_dtype(type);
            set_default_device(CPU);
        }

        Assert.Equal([true, true], files.Zip(again, (file, other) => file.AsSpan().SequenceEqual(other)));
        using var scope = NewDisposeScope();
        using (fused)
            Assert.True(fused.call(batch).equal(before.call(batch)).all().item<bool>());
        using (fused8)
            Assert.True(fused8 is null || fused8.call(batch).equal(before8!.call(batch)).all().item<bool>());
    }

    private byte[][] Export(ResNet18 model, Tensor batch)
    {
        var metadata = new OnnxMetadata { Mean = [0.5, 0.25, 0.1] };
        OnnxExporter.Export(model, _folder["model.onnx"], metadata);
        OnnxExporter.ExportInt8(model, [batch], _folder["int8.onnx"], metadata);
        return [File.ReadAllBytes(_folder["model.onnx"]), File.ReadAllBytes(_folder["int8.onnx"])];
    }

    /// <summary>Under Autocast a caller may have 16-bit images. They calibrate like the same values in float32.</summary>
    [Fact]
    public void Under_Autocast_calibration_accepts_16_bit_batches_and_computes_in_float32()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        var batch = randn(2, 3, 32, 32).to(ScalarType.BFloat16);
        OnnxExporter.ExportInt8(model, [batch.to(ScalarType.Float32)], _folder["float32.onnx"]);
        using (new Autocast(DeviceType.CPU))
            OnnxExporter.ExportInt8(model, [batch], _folder["bfloat16.onnx"]);
        Assert.True(File.ReadAllBytes(_folder["float32.onnx"]).AsSpan().SequenceEqual(File.ReadAllBytes(_folder["bfloat16.onnx"])));
    }

    /// <summary>Programs that are trimmed or compiled ahead of time do not have it.</summary>
    [Fact]
    public void Metadata_does_not_need_JSON_by_reflection()
    {
        var path = _folder["model.onnx"];
        ChildProcess.Run("export", path);
        using var session = new OnnxSession(path);
        Assert.Equal("""["é"]""", session.Session.ModelMetadata.CustomMetadataMap["classes"]);
        Assert.Equal("[0.5,0.25,1E-10]", session.Session.ModelMetadata.CustomMetadataMap["mean"]);
    }

    /// <summary>Runs in the child process.</summary>
    internal static void ExportWithoutReflection(string path)
    {
        AppContext.SetSwitch("System.Text.Json.JsonSerializer.IsReflectionEnabledByDefault", false);
        if (JsonSerializer.IsReflectionEnabledByDefault)
            throw new InvalidOperationException("JSON by reflection is still enabled.");
        using var model = new ResNet18(1);
        OnnxExporter.Export(model, path, new() { Classes = ["é"], Mean = [0.5, 0.25, 1e-10] });
    }

    /// <summary>The test needs no gigabytes: all rows of the classifier share one row of memory.</summary>
    [Theory]
    [InlineData(1_100_000, false)]
    [InlineData(4_300_000, true)]
    public void A_file_of_more_than_2_GB_is_refused(long classes, bool quantized)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(1);
        model.fc.weight = nn.Parameter(zeros(1, 512).expand(classes, 512), requires_grad: false);
        model.fc.bias = nn.Parameter(zeros(1).expand(classes), requires_grad: false);
        var message = Assert.Throws<ArgumentException>(() =>
        {
            if (quantized)
                OnnxExporter.ExportInt8(model, [ones(1, 3, 32, 32)], _folder["model.onnx"]);
            else
                OnnxExporter.Export(model, _folder["model.onnx"]);
        }).Message;
        Assert.Contains($"{int.MaxValue} bytes", message, StringComparison.Ordinal);
        Assert.Contains($"{classes * 512 * (quantized ? 1 : 4)}", message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }
}
