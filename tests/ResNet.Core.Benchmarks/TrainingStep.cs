using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One step of SGD with momentum on a batch of small pictures.</summary>
public class TrainingStep
{
    private const int Batch = 128, Size = 32, Classes = 10;

    private nn.Module<Tensor, Tensor> model = null!;
    private optim.Optimizer optimizer = null!;
    private Tensor images = null!;
    private Tensor labels = null!;

    [GlobalSetup(Target = nameof(Naive))]
    public void SetupNaive() => Setup(new NaiveResNet18(Classes));

    [GlobalSetup(Target = nameof(Core))]
    public void SetupCore() => Setup(new ResNet18(Classes));

    private void Setup(nn.Module<Tensor, Tensor> network)
    {
        manual_seed(1);
        model = network;
        optimizer = optim.SGD(model.parameters(), learningRate: 0.01, momentum: 0.9);
        images = randn(Batch, 3, Size, Size);
        labels = randint(0, Classes, [Batch]);
    }

    [Benchmark(Baseline = true)]
    public float Naive() => Step();

    [Benchmark(Description = "ResNet.Core")]
    public float Core()
    {
        using var scope = NewDisposeScope();
        return Step();
    }

    private float Step()
    {
        optimizer.zero_grad();
        var loss = nn.functional.cross_entropy(model.call(images), labels);
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }
}
