using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One forward pass for predictions.</summary>
public class ChannelsLastInference : ChannelsLast
{
    protected override void Setup(memory_format format)
    {
        base.Setup(format);
        Model.eval();
    }

    protected override float Run()
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        using var precision = Begin();
        return Model.call(Batch)[0, 0].to(ScalarType.Float32).item<float>();
    }
}
