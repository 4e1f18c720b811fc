using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class EvaluationTests
{
    [Fact]
    public void Predictions_are_counted_where_they_belong_and_no_tensor_stays_behind()
    {
        // Whatever it sees, this network says 3.
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
        var pictures = labels.Select(label => new MemoryImage(new byte[784], 28, label, "picture")).ToArray();
        // What other tests left to the collector is not to be counted down in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var interruption = new Interruption();
        var evaluation = Evaluation.Evaluate(model, network, pictures, CPU, new Together(new Ranks(), interruption));

        // The batch's two tensors are counted down here, and were counted up on the thread that made them, which may be another one.
        Assert.Contains(DisposeScopeManager.Statistics.ThreadTotalLiveCount - before, new long[] { 0, -2 });
        Assert.Equal((5, 3, 0.6), (evaluation.Count, evaluation.Correct, evaluation.Accuracy));
        Assert.Equal((3, 1, 1, 0), (evaluation.Confusion[3, 3], evaluation.Confusion[0, 3], evaluation.Confusion[9, 3], evaluation.Confusion[1, 3]));
        // Cross-entropy by hand: 5 minus the logarithm of what the others add, for the three that are right
        var normalization = Math.Log(Math.Exp(5) + 9);
        Assert.Equal((3 * (normalization - 5) + 2 * normalization) / 5, evaluation.Loss, 1e-5);
        Assert.Equal(pictures, evaluation.Predictions.Select(prediction => prediction.Image));
        Assert.All(evaluation.Predictions, prediction => Assert.Equal((3, Math.Exp(5 - normalization)), (prediction.Class, Math.Round(prediction.Probability, 5)), Close));

        static bool Close((int Class, double Probability) a, (int Class, double Probability) b) => a.Class == b.Class && Math.Abs(a.Probability - b.Probability) < 1e-4;
    }
}
