using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One forward pass for predictions.</summary>
[BenchmarkCategory(nameof(ResNet50Inference))]
public class ResNet50Inference : ResNet50s
{
    [Params("1x3x224x224", "8x3x224x224")]
    public override string Images { get; set; } = null!;

    protected override string PythonSetup =>
        """
        model.eval()
        def iteration():
            with torch.inference_mode():
                return model(batch)[0, 0].item()
        """;

    protected override void Setup(nn.Module<Tensor, Tensor> network)
    {
        base.Setup(network);
        Model.eval();
    }

    protected override float Iteration()
    {
        using var inference = inference_mode();
        return Model.call(Batch)[0, 0].item<float>();
    }
}
