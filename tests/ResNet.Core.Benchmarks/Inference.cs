using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One forward pass for predictions.</summary>
public class Inference
{
    private nn.Module<Tensor, Tensor> model = null!;
    private Tensor images = null!;

    [ParamsSource(nameof(Shapes))]
    public string Images { get; set; } = null!;

    public static IEnumerable<string> Shapes => ["1x3x64x64", "32x3x64x64", "1x3x224x224"];

    [GlobalSetup(Target = nameof(Naive))]
    public void SetupNaive() => Setup(new NaiveResNet18());

    [GlobalSetup(Target = nameof(Core))]
    public void SetupCore() => Setup(new ResNet18());

    private void Setup(nn.Module<Tensor, Tensor> network)
    {
        manual_seed(1);
        model = network;
        model.eval();
        images = randn([.. Images.Split('x').Select(long.Parse)]);
    }

    [Benchmark(Baseline = true)]
    public float Naive() => Predict();

    [Benchmark(Description = "ResNet.Core")]
    public float Core()
    {
        using var scope = NewDisposeScope();
        return Predict();
    }

    private float Predict()
    {
        using var inference = inference_mode();
        var output = model.call(images);
        return output[0, 0].item<float>();
    }
}
