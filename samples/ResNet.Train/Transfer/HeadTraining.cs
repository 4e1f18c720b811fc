using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>The result of fitting a head.</summary>
/// <param name="Epochs">The steps of the fit. Their validation uses the validation images, or the cross-validation if there are none.</param>
/// <param name="Test">The evaluation on the test images; null without test images.</param>
/// <param name="CrossValidation">The cross-validation of the training images; null with validation images.</param>
/// <param name="Remarks">Warnings about near-duplicates, one line each.</param>
internal sealed record HeadResult(IReadOnlyList<Epoch> Epochs, Evaluation? Test, Evaluation? CrossValidation, IReadOnlyList<string> Remarks);

/// <summary>Fits a network's classifier to the features that the other layers compute from the images.</summary>
/// <param name="model">The network, on the device. Its <c>fc</c> becomes the head.</param>
/// <param name="data">Images that can be read.</param>
/// <param name="network">The model config.</param>
/// <param name="classWeights">The weight of an image of each class; null is 1.</param>
internal sealed class HeadTraining(ResidualNetwork model, DataSet data, ModelConfig network, double[]? classWeights)
{
    /// <param name="extract">Computes the features of images, shape (N, features), on the CPU.</param>
    /// <param name="cancellation">Stops the fit.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public HeadResult Run(Func<IReadOnlyList<Image>, Tensor> extract, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        IReadOnlyList<Image>[] parts = [data.Training, data.Validation, data.Test];
        var all = extract(data.All).split([.. parts.Select(part => (long)part.Count)]);
        var (training, validation, test) = (all[0], all[1], all[2]);
        var (labels, validationLabels) = (GetLabels(data.Training), GetLabels(data.Validation));
        string?[] remarks = data.Training.Count >= StartingWeights.FewImages ? [] :
        [
            FindNearDuplicates("test", data.Test, test, training),
            data.Validation.Count > 0
                ? FindNearDuplicates("validation", data.Validation, validation, training)
                : FindNearDuplicates("cross-validation", data.Training, training, training),
        ];

        using var crossed = data.Validation.Count > 0 ? null : CrossValidation.Run(training, labels, network.Classes.Count, classWeights, cancellation);
        var (epochs, watch) = (new List<Epoch>(), Stopwatch.StartNew());
        using var head = LinearHead.Fit(training, labels, network.Classes.Count, classWeights, (number, head, logits) =>
        {
            cancellation.ThrowIfCancellationRequested();
            var (loss, accuracy) = Measure(logits, labels);
            var (validationLoss, validationAccuracy) = crossed is not null
                ? (crossed.Losses[number - 1], crossed.Accuracies[number - 1])
                : Measure(head.ComputeLogits(validation), validationLabels);
            epochs.Add(new Epoch(number, loss, accuracy, validationLoss, validationAccuracy, number * training.shape[0] / watch.Elapsed.TotalSeconds));
        });
        model.fc.weight!.copy_(head.Weight);
        model.fc.bias!.copy_(head.Bias);

        return new HeadResult(
            epochs,
            data.Test.Count > 0 ? Evaluation.Evaluate(head.ComputeLogits(test), network, data.Test) : null,
            crossed is not null ? Evaluation.Evaluate(crossed.Logits, network, data.Training) : null,
            [.. remarks.OfType<string>()]);
    }

    private string? FindNearDuplicates(string figure, IReadOnlyList<Image> part, Tensor features, Tensor training)
    {
        var isTraining = part == data.Training;
        return part.Count > 0 && NearDuplicates.Find(features, GetLabels(part), training, GetLabels(data.Training), isTraining) is [var (image, other), ..] found
            ? $"{found.Count} of {part.Count} images of the {figure} have a near-duplicate among {(isTraining ? "the others" : "the training images")}, " +
                $"such as {part[image].Name} and {data.Training[other].Name}; photographs of one object in both make the accuracy better than it is for new ones"
            : null;
    }

    private static Tensor GetLabels(IReadOnlyList<Image> images) => tensor(images.Select(image => (long)image.Label).ToArray());

    private static (double Loss, double Accuracy) Measure(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return (F.cross_entropy(logits, labels).item<float>(), logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>());
    }
}
