using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>
/// Five-fold cross-validation of a linear classifier, for datasets too small to hold images out: each fifth of every class is
/// classified by a head that was fitted to the other four.
/// </summary>
/// <param name="Logits">The logits, shape (N, classes), of each image by the head that had not seen it.</param>
/// <param name="Losses">The mean cross-entropy after each step.</param>
/// <param name="Accuracies">The accuracy after each step.</param>
internal sealed record CrossValidation(Tensor Logits, double[] Losses, double[] Accuracies) : IDisposable
{
    private const int Folds = 5;

    /// <inheritdoc cref="LinearHead.Fit"/>
    public static CrossValidation Run(Tensor features, Tensor labels, int classes, double[]? classWeights, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var logits = zeros(features.shape[0], classes);
        var (losses, correct) = (new double[LinearHead.Steps], new double[LinearHead.Steps]);
        var fold = tensor(AssignFolds(labels.data<long>().ToArray()));
        for (var i = 0; i < Folds; i++)
        {
            using var inner = NewDisposeScope();
            var (others, held) = (fold.ne(i).nonzero().flatten(), fold.eq(i).nonzero().flatten());
            if (held.shape[0] == 0 || others.shape[0] == 0)
                continue;
            var (heldFeatures, heldLabels) = (features[held], labels[held]);
            using var head = LinearHead.Fit(features[others], labels[others], classes, classWeights, (number, head, _) =>
            {
                cancellation.ThrowIfCancellationRequested();
                using var step = NewDisposeScope();
                var output = head.ComputeLogits(heldFeatures);
                losses[number - 1] += F.cross_entropy(output, heldLabels, reduction: nn.Reduction.Sum).item<float>();
                correct[number - 1] += output.argmax(1).eq(heldLabels).sum().item<long>();
            });
            logits.index_copy_(0, held, head.ComputeLogits(heldFeatures));
        }
        var count = features.shape[0];
        return new CrossValidation(logits.MoveToOuterDisposeScope(), [.. losses.Select(loss => loss / count)], [.. correct.Select(number => number / count)]);
    }

    /// <summary>Assigns folds at random within each class, independent of the seed. Each class continues where the previous one ended, so that small classes give folds of equal size.</summary>
    private static long[] AssignFolds(long[] labels)
    {
        var folds = new long[labels.Length];
        var (random, next) = (new Random(0), 0);
        foreach (var ofClass in labels.Index().GroupBy(image => image.Item, image => image.Index).OrderBy(group => group.Key))
        {
            var shuffled = ofClass.ToArray();
            random.Shuffle(shuffled);
            foreach (var image in shuffled)
                folds[image] = next++ % Folds;
        }
        return folds;
    }

    public void Dispose() => Logits.Dispose();
}
