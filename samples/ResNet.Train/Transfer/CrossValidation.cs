using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>
/// What a linear classifier makes of images that it did not learn from, where there are too few to hold some out: each fifth of
/// every class is classified by a head that was fitted to the other four.
/// </summary>
/// <param name="Logits">Shape (N, classes): each image's by the head that had not seen it.</param>
/// <param name="Losses">Mean cross-entropy after each step.</param>
/// <param name="Accuracies">After each step.</param>
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
                var output = head.Logits(heldFeatures);
                losses[number - 1] += F.cross_entropy(output, heldLabels, reduction: nn.Reduction.Sum).item<float>();
                correct[number - 1] += output.argmax(1).eq(heldLabels).sum().item<long>();
            });
            logits.index_copy_(0, held, head.Logits(heldFeatures));
        }
        var count = features.shape[0];
        return new CrossValidation(logits.MoveToOuterDisposeScope(), [.. losses.Select(loss => loss / count)], [.. correct.Select(number => number / count)]);
    }

    /// <summary>At random and class by class, the same whatever the seed. The classes go on where the one before has ended, so that folds of small classes are of one size.</summary>
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
