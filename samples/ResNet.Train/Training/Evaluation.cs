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
    /// <summary>At a time: 250 pictures of 32x32, or fewer larger ones.</summary>
    private const int PixelsAtOnce = 256_000, LeastAtOnce = 16;

    public int Count => Predictions.Count;

    public int Correct => Predictions.Count(prediction => prediction.Class == prediction.Picture.Label);

    public double Accuracy => (double)Correct / Count;

    /// <param name="model">In training or not; it will not be.</param>
    /// <param name="network">What it is.</param>
    /// <param name="pictures">One at least.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">A picture cannot be read any more.</exception>
    public static Evaluation Of(ResidualNetwork model, NetworkInfo network, IReadOnlyList<Picture> pictures, Device device, CancellationToken cancellation)
    {
        model.eval();
        return Of(batch => model.call(batch.To(device)), network, pictures, cancellation);
    }

    /// <summary>The same for a network in any engine: what it makes of a batch, shape (N, classes).</summary>
    public static Evaluation Of(Func<Batch, Tensor> logits, NetworkInfo network, IReadOnlyList<Picture> pictures, CancellationToken cancellation)
    {
        using var _ = no_grad();
        var loss = 0.0;
        var confusion = new int[network.Classes.Count, network.Classes.Count];
        var predictions = new List<Prediction>(pictures.Count);
        var parts = pictures.Chunk(Math.Max(LeastAtOnce, PixelsAtOnce / (network.Size * network.Size)));
        foreach (var made in Batches.Of(parts, part => Batch.Of(part, network)))
        {
            using var batch = made;
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();

            var answers = logits(batch);
            loss += F.cross_entropy(answers, batch.Labels.to(answers.device), reduction: nn.Reduction.Sum).item<float>();
            var (probabilities, classes) = answers.softmax(1).cpu().max(1);
            foreach (var (probability, predicted) in probabilities.data<float>().Zip(classes.data<long>()))
            {
                var picture = pictures[predictions.Count];
                predictions.Add(new Prediction(picture, (int)predicted, probability));
                confusion[picture.Label, predicted]++;
            }
        }
        return new Evaluation(loss / pictures.Count, confusion, predictions);
    }
}
