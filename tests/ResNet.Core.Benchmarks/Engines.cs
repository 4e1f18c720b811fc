using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>
/// The same weights and pictures, five ways to the logits. Each is in a process of its own: ONNX Runtime's spinning threads
/// would disturb libtorch's.
/// </summary>
[WarmupCount(2), IterationCount(10)]
public class Engines
{
    private Func<float> predict = null!;
    private string folder = null!;

    [ParamsSource(nameof(Shapes))]
    public string Images { get; set; } = null!;

    public static IEnumerable<string> Shapes => ["1x3x224x224", "8x3x224x224", "1x3x64x64", "32x3x64x64", "128x3x32x32", "1x3x32x32"];

    [GlobalSetup(Target = nameof(AsWritten))]
    public void SetupAsWritten() => Setup(Torch);

    [GlobalSetup(Target = nameof(Fused))]
    public void SetupFused() => Setup((model, images) => Torch(model.Fuse(), images));

    [GlobalSetup(Target = nameof(OnnxOfPyTorch))]
    public void SetupOnnxOfPyTorch() => Setup((model, images) =>
    {
        var weights = Path.Combine(folder, "model.pth");
        Checkpoint.Save(model, weights);
        return Onnx(path => PyTorchExport.Write(weights, path), images);
    });

    [GlobalSetup(Target = nameof(OnnxOfOurs))]
    public void SetupOnnxOfOurs() => Setup((model, images) => Onnx(path => OnnxExporter.Export(model, path), images));

    [GlobalSetup(Target = nameof(OnnxInt8))]
    public void SetupOnnxInt8() => Setup((model, images) => Onnx(path => OnnxExporter.ExportInt8(model, [images], path), images));

    [GlobalCleanup]
    public void Cleanup() => Directory.Delete(folder, recursive: true);

    [Benchmark(Baseline = true, Description = "as written")]
    public float AsWritten() => predict();

    [Benchmark(Description = "Fuse()")]
    public float Fused() => predict();

    [Benchmark(Description = "ONNX Runtime, PyTorch's export")]
    public float OnnxOfPyTorch() => predict();

    [Benchmark(Description = "ONNX Runtime, ours")]
    public float OnnxOfOurs() => predict();

    [Benchmark(Description = "ONNX Runtime, ours in int8")]
    public float OnnxInt8() => predict();

    private void Setup(Func<ResNet18, Tensor, Func<float>> make)
    {
        folder = Directory.CreateTempSubdirectory("resnet-benchmark-").FullName;
        manual_seed(1);
        var model = new ResNet18();
        model.eval();
        predict = make(model, randn([.. Images.Split('x').Select(long.Parse)]));
    }

    private static Func<float> Torch(nn.Module<Tensor, Tensor> network, Tensor images) => () =>
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        return network.call(images)[0, 0].item<float>();
    };

    private Func<float> Onnx(Action<string> export, Tensor images)
    {
        var path = Path.Combine(folder, "model.onnx");
        export(path);
        return new OnnxSession(path, images).Run;
    }
}
