using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>What a head's training has given.</summary>
/// <param name="Epochs">The steps of the fit. Its validation is that of the validation images, or where there are none, the cross-validation.</param>
/// <param name="Test">Of the test images; null where there are none.</param>
/// <param name="CrossValidation">Of the training images, where there are no validation images.</param>
internal sealed record HeadResult(IReadOnlyList<Epoch> Epochs, Evaluation? Test, Evaluation? CrossValidation);

/// <summary>Fits a network's classifier to the features that its other layers make of the images.</summary>
/// <param name="model">On the device. Its <c>fc</c> becomes the head.</param>
/// <param name="data">With images that can be read.</param>
/// <param name="network">What the model is.</param>
/// <param name="classWeights">What an image of each class counts; null is 1.</param>
/// <param name="screen">Where the user is told.</param>
internal sealed class HeadTraining(ResidualNetwork model, DataSet data, NetworkInfo network, double[]? classWeights, Screen screen)
{
    /// <param name="extract">Gives the features of images, shape (N, features), on the CPU.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public HeadResult Run(Func<IReadOnlyList<Picture>, Tensor> extract, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        IReadOnlyList<Picture>[] parts = [data.Training, data.Validation, data.Test];
        var all = extract(data.All).split([.. parts.Select(part => (long)part.Count)]);
        var (training, validation, test) = (all[0], all[1], all[2]);
        var (labels, validationLabels) = (Labels(data.Training), Labels(data.Validation));
        if (data.Training.Count < StartingWeights.FewImages)
        {
            RemarkNearDuplicates("test", data.Test, test, training);
            if (data.Validation.Count > 0)
                RemarkNearDuplicates("validation", data.Validation, validation, training);
            else
                RemarkNearDuplicates("cross-validation", data.Training, training, training);
        }

        using var crossed = data.Validation.Count > 0 ? null : CrossValidation.Run(training, labels, network.Classes.Count, classWeights, cancellation);
        var (epochs, watch) = (new List<Epoch>(), Stopwatch.StartNew());
        using var head = LinearHead.Fit(training, labels, network.Classes.Count, classWeights, (number, head, logits) =>
        {
            cancellation.ThrowIfCancellationRequested();
            var (loss, accuracy) = Measure(logits, labels);
            var (validationLoss, validationAccuracy) = crossed is not null
                ? (crossed.Losses[number - 1], crossed.Accuracies[number - 1])
                : Measure(head.Logits(validation), validationLabels);
            epochs.Add(new Epoch(number, loss, accuracy, validationLoss, validationAccuracy, number * training.shape[0] / watch.Elapsed.TotalSeconds));
        });
        model.fc.weight!.copy_(head.Weight);
        model.fc.bias!.copy_(head.Bias);

        var last = epochs[^1];
        screen.Line($"classifier  loss {Digits.FormatLoss(last.TrainingLoss)}  accuracy {last.TrainingAccuracy:0.000}  " +
            $"{(crossed is null ? "validation" : "cross-validation")} loss {Digits.FormatLoss(last.ValidationLoss)}  accuracy {last.ValidationAccuracy:0.000}");
        return new HeadResult(
            epochs,
            data.Test.Count > 0 ? Evaluation.Of(head.Logits(test), network, data.Test) : null,
            crossed is not null ? Evaluation.Of(crossed.Logits, network, data.Training) : null);
    }

    private void RemarkNearDuplicates(string figure, IReadOnlyList<Picture> part, Tensor features, Tensor training)
    {
        var isTraining = part == data.Training;
        if (part.Count > 0 && NearDuplicates.Find(features, Labels(part), training, Labels(data.Training), isTraining) is [var (image, other), ..] found)
            Preparation.Remark([$"{found.Count} of {part.Count} images of the {figure} have a near-duplicate among {(isTraining ? "the others" : "the training images")}, " +
                $"such as {part[image].Name} and {data.Training[other].Name}; photographs of one object in both make the accuracy better than it is for new ones"]);
    }

    private static Tensor Labels(IReadOnlyList<Picture> pictures) => tensor(pictures.Select(picture => (long)picture.Label).ToArray());

    private static (double Loss, double Accuracy) Measure(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return (F.cross_entropy(logits, labels).item<float>(), logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>());
    }
}
