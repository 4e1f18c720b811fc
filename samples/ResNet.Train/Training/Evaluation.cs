using ResNet.Core;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>A network's prediction for an image.</summary>
/// <param name="Image">The image.</param>
/// <param name="Class">The predicted class.</param>
/// <param name="Probability">The probability of that class, from 0 to 1.</param>
internal sealed record Prediction(Image Image, int Class, double Probability);

/// <summary>The evaluation of a network on images that it was not trained on.</summary>
/// <param name="Loss">The mean cross-entropy.</param>
/// <param name="Confusion">The number of images of each class (row) predicted as each class (column).</param>
/// <param name="Predictions">The predictions, image by image.</param>
internal sealed record Evaluation(double Loss, int[,] Confusion, IReadOnlyList<Prediction> Predictions)
{
    public int Count => Predictions.Count;

    public int Correct => Predictions.Count(prediction => prediction.Class == prediction.Image.Label);

    public double Accuracy => (double)Correct / Count;

    /// <summary>The accuracy with its confidence interval and the counts.</summary>
    public string AccuracyInWords
    {
        get
        {
            var (low, high) = WilsonInterval.Find(Correct, Count);
            return $"{Accuracy:0.000} (95 % interval {low:0.000} to {high:0.000}): {Correct} of {Plural.Format(Count, "image")}";
        }
    }

    /// <param name="model">The network. Afterwards it is in evaluation mode.</param>
    /// <param name="network">The model config.</param>
    /// <param name="images">The images, at least one.</param>
    /// <param name="device">The network's device.</param>
    /// <param name="together">The ranks that share the work, each of which gets the result, and the interruption that stops it.</param>
    /// <exception cref="OperationCanceledException">The user interrupted the evaluation.</exception>
    /// <exception cref="UserException">An image can no longer be read.</exception>
    public static Evaluation Evaluate(ResidualNetwork model, ModelConfig network, IReadOnlyList<Image> images, Device device, Together together)
    {
        model.eval();
        using var outputs = ImageBatches.Run(images, network, batch => model.call(batch.To(device)), together);
        return Evaluate(outputs, network, images);
    }

    /// <param name="logits">The logits, shape (number of images, classes), on the CPU.</param>
    /// <param name="network">The model config.</param>
    /// <param name="images">The images, at least one.</param>
    public static Evaluation Evaluate(Tensor logits, ModelConfig network, IReadOnlyList<Image> images)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var labels = tensor(images.Select(image => (long)image.Label).ToArray());
        var loss = F.cross_entropy(logits.to(ScalarType.Float64), labels).item<double>();
        var (probabilities, classes) = logits.softmax(1).max(1);
        var confusion = new int[network.Classes.Count, network.Classes.Count];
        var predictions = new List<Prediction>(images.Count);
        foreach (var (probability, predicted) in probabilities.to(ScalarType.Float32).data<float>().Zip(classes.data<long>()))
        {
            var image = images[predictions.Count];
            predictions.Add(new Prediction(image, (int)predicted, probability));
            confusion[image.Label, predicted]++;
        }
        return new Evaluation(loss, confusion, predictions);
    }
}
