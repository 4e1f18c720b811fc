using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class EvaluationTests
{
    [Fact]
    public void The_confusion_matrix_counts_each_prediction_and_no_tensor_leaks()
    {
        // This network predicts class 3 for every image.
        using var model = new ResNet18(10);
        using (no_grad())
        using (NewDisposeScope())
        {
            model.fc.weight.zero_();
            model.fc.bias!.zero_();
            model.fc.bias![3] = 5;
        }
        var network = new ModelConfig(Stem.Conv7, 32, 32.0 / 28, Grayscale: true, new Normalization([0.3], [0.3]), [.. Enumerable.Range(0, 10).Select(i => $"{i}")]);
        int[] labels = [3, 0, 3, 9, 3];
        var images = labels.Select(label => new MemoryImage(new byte[784], 28, label, "image")).ToArray();
        // Collects what other tests left, which would otherwise change the count in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var interruption = new Interruption();
        var evaluation = Evaluation.Evaluate(model, network, images, CPU, new Together(new Ranks(), interruption));

        // This thread counts the batch's two tensors down. The thread that created them, maybe another one, counted them up.
        Assert.Contains(DisposeScopeManager.Statistics.ThreadTotalLiveCount - before, new long[] { 0, -2 });
        Assert.Equal((5, 3, 0.6), (evaluation.Count, evaluation.Correct, evaluation.Accuracy));
        Assert.Equal((3, 1, 1, 0), (evaluation.Confusion[3, 3], evaluation.Confusion[0, 3], evaluation.Confusion[9, 3], evaluation.Confusion[1, 3]));
        // Cross-entropy by hand: the logit of class 3 is 5, and those of the other nine classes are 0.
        var logSum = Math.Log(Math.Exp(5) + 9);
        Assert.Equal((3 * (logSum - 5) + 2 * logSum) / 5, evaluation.Loss, 1e-5);
        Assert.Equal(images, evaluation.Predictions.Select(prediction => prediction.Image));
        Assert.All(evaluation.Predictions, prediction => Assert.Equal((3, Math.Exp(5 - logSum)), (prediction.Class, Math.Round(prediction.Probability, 5)), AreClose));

        static bool AreClose((int Class, double Probability) a, (int Class, double Probability) b) => a.Class == b.Class && Math.Abs(a.Probability - b.Probability) < 1e-4;
    }
}
