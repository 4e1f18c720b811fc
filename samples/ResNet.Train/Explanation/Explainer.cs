using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Draws where a trained network sees the likeliest classes of an image.</summary>
internal sealed class Explainer : IDisposable
{
    private const int MostClasses = 3;

    /// <summary>The least probability to draw a class other than the likeliest.</summary>
    private const float LeastProbability = 0.1f;

    private readonly ModelConfig _network;
    private readonly ResidualNetwork _model;
    private readonly Device _device;

    private Explainer(ModelConfig network, ResidualNetwork model, Device device)
    {
        (_network, _model, _device) = (network, model, device);
        _model.eval();
    }

    /// <inheritdoc cref="ModelConfig.Load"/>
    public static Explainer Load(string path, Device device)
    {
        var (network, model) = ModelConfig.Load(path, device);
        return new Explainer(network, model, device);
    }

    /// <param name="image">The image.</param>
    /// <param name="probabilities">The network's probabilities for it.</param>
    /// <returns>The PNG's path, beside the image.</returns>
    /// <exception cref="UserException">The image can no longer be read, or the PNG cannot be written.</exception>
    public string Explain(Image image, float[] probabilities)
    {
        using var scope = NewDisposeScope();
        using var batch = Batch.Decode([image], _network);
        var maps = ClassActivationMap.Compute(_model, batch.To(_device))[0].cpu();
        var shown = probabilities.Index().OrderByDescending(answer => answer.Item).Take(MostClasses).Where((answer, i) => i == 0 || answer.Item >= LeastProbability)
            .Select(answer => new ExplainedClass(_network.Classes[answer.Index], answer.Item, GetMap(answer.Index)));
        return ExplanationFile.Write(image.Name, ExplanationImage.Draw(image, _network.CropRatio, [.. shown]));

        float[,] GetMap(int index) => (float[,])maps[index].data<float>().ToNDArray();
    }

    public void Dispose() => _model.Dispose();
}
