using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One step of SGD with momentum.</summary>
public class ChannelsLastTraining : ChannelsLast
{
    private optim.Optimizer optimizer = null!;
    private Tensor labels = null!;

    protected override void Setup(memory_format format)
    {
        base.Setup(format);
        optimizer = optim.SGD(Model.parameters(), learningRate: 0.01, momentum: 0.9);
        labels = randint(0, 10, [Batch.shape[0]]);
    }

    protected override float Run()
    {
        using var scope = NewDisposeScope();
        Tensor loss;
        using (Begin())
            loss = nn.functional.cross_entropy(Model.call(Batch), labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }
}
