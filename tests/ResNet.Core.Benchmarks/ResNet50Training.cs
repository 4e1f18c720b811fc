using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One step of SGD with momentum.</summary>
[BenchmarkCategory(nameof(ResNet50Training))]
public class ResNet50Training : ResNet50s
{
    private optim.Optimizer optimizer = null!;
    private Tensor labels = null!;

    [Params("8x3x224x224")]
    public override string Images { get; set; } = null!;

    protected override string PythonSetup =>
        """
        labels = torch.randint(0, 1000, [len(batch)])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        def iteration():
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(batch), labels)
            loss.backward()
            optimizer.step()
            return loss.item()
        """;

    protected override void Setup(nn.Module<Tensor, Tensor> network)
    {
        base.Setup(network);
        labels = randint(0, 1000, [Batch.shape[0]]);
        optimizer = optim.SGD(Model.parameters(), learningRate: 0.01, momentum: 0.9);
    }

    protected override float Iteration()
    {
        optimizer.zero_grad();
        var loss = nn.functional.cross_entropy(Model.call(Batch), labels);
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }
}
