using ResNet.Core;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>What a network takes a picture for.</summary>
/// <param name="Picture">Which.</param>
/// <param name="Class">What it is taken for.</param>
/// <param name="Probability">How sure the network is of that, from 0 to 1.</param>
internal sealed record Prediction(Picture Picture, int Class, double Probability);

/// <summary>What a network makes of pictures it did not learn from.</summary>
/// <param name="Loss">Mean cross-entropy.</param>
/// <param name="Confusion">How many pictures of a class (row) were taken for a class (column).</param>
/// <param name="Predictions">Picture by picture.</param>
internal sealed record Evaluation(double Loss, int[,] Confusion, IReadOnlyList<Prediction> Predictions)
{
    public int Count => Predictions.Count;

    public int Correct => Predictions.Count(prediction => prediction.Class == prediction.Picture.Label);

    public double Accuracy => (double)Correct / Count;

    /// <summary>The accuracy, how far chance may have moved it, and the counts.</summary>
    public string AccuracyInWords
    {
        get
        {
            var (low, high) = WilsonInterval.Find(Correct, Count);
            return $"{Accuracy:0.000} (95 % interval {low:0.000} to {high:0.000}): {Correct} of {Count} images";
        }
    }

    /// <param name="model">In training or not; it will not be.</param>
    /// <param name="network">What it is.</param>
    /// <param name="pictures">One at least.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="together">Who shares the work, each of whom gets the result, and what ends it.</param>
    /// <exception cref="OperationCanceledException">The user has ended it.</exception>
    /// <exception cref="UserException">A picture cannot be read any more.</exception>
    public static Evaluation Of(ResidualNetwork model, NetworkInfo network, IReadOnlyList<Picture> pictures, Device device, Together together)
    {
        model.eval();
        using var outputs = PictureBatches.Run(pictures, network, batch => model.call(batch.To(device)), together);
        return Of(outputs, network, pictures);
    }

    /// <param name="logits">Shape (number of pictures, classes), on the CPU.</param>
    /// <param name="network">Whose they are.</param>
    /// <param name="pictures">One at least.</param>
    public static Evaluation Of(Tensor logits, NetworkInfo network, IReadOnlyList<Picture> pictures)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var labels = tensor(pictures.Select(picture => (long)picture.Label).ToArray());
        var loss = F.cross_entropy(logits.to(ScalarType.Float64), labels).item<double>();
        var (probabilities, classes) = logits.softmax(1).max(1);
        var confusion = new int[network.Classes.Count, network.Classes.Count];
        var predictions = new List<Prediction>(pictures.Count);
        foreach (var (probability, predicted) in probabilities.to(ScalarType.Float32).data<float>().Zip(classes.data<long>()))
        {
            var picture = pictures[predictions.Count];
            predictions.Add(new Prediction(picture, (int)predicted, probability));
            confusion[picture.Label, predicted]++;
        }
        return new Evaluation(loss, confusion, predictions);
    }
}
