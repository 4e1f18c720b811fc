using System.Diagnostics;
using ResNet.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>The state of an epoch after a training step.</summary>
/// <param name="Variant">The network.</param>
/// <param name="Epoch">The epoch's number, from 1.</param>
/// <param name="TrainingError">The error in % on the epoch's images so far.</param>
/// <param name="ImagesPerSecond">The training speed.</param>
internal sealed record TrainingStep(Variant Variant, int Epoch, double TrainingError, double ImagesPerSecond);

/// <summary>Trains one network after another, all with the same recipe.</summary>
internal sealed class Trainer(ImageSet training, ImageSet test, Settings settings, Device device)
{
    private const int TestBatchSize = 250;

    private int StepsPerEpoch => (training.Count + settings.BatchSize - 1) / settings.BatchSize;

    private int Steps => settings.Epochs * StepsPerEpoch;

    /// <summary>The number of training steps of all networks and seeds.</summary>
    public int AllSteps => settings.Networks.Count * settings.Seeds * Steps;

    /// <param name="variant">The network.</param>
    /// <param name="seed">The seed of the initial weights and of the image order: all networks see the same images in the same steps.</param>
    /// <param name="stepDone">Called after each training step.</param>
    /// <param name="cancellation">Stops the training after the current step.</param>
    /// <returns>Each epoch when it is done.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    /// <exception cref="UserException">The loss is not finite.</exception>
    public IEnumerable<Epoch> Train(Variant variant, int seed, Action<TrainingStep> stepDone, CancellationToken cancellation)
    {
        using var model = new Network(variant.Kind, variant.Layers, seed, training.Classes, device);
        using var optimizer = new FusedSGD(model.parameters(), settings.LearningRate, momentum: 0.9, weight_decay: 1e-4);
        var random = new Random(seed);
        var order = Enumerable.Range(0, training.Count).ToArray();

        for (var number = 1; number <= settings.Epochs; number++)
        {
            random.Shuffle(order);
            var (loss, error, speed) = TrainEpoch(model, optimizer, order, variant, number, stepDone, cancellation);
            var testError = Test(model, cancellation);
            yield return new Epoch(variant, seed, number, ComputeLearningRate(number * StepsPerEpoch - 1), loss, error, testError, speed);
        }
    }

    private (double Loss, double Error, double ImagesPerSecond) TrainEpoch(
        Network model, SGD optimizer, int[] order, Variant variant, int number, Action<TrainingStep> stepDone, CancellationToken cancellation)
    {
        model.train();
        var (loss, wrong, seen) = (0.0, 0L, 0);
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < StepsPerEpoch; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = ComputeLearningRate((number - 1) * StepsPerEpoch + step);

            // Equal batches rather than a small last one, whose batch statistics would be poor
            var start = (int)((long)order.Length * step / StepsPerEpoch);
            var end = (int)((long)order.Length * (step + 1) / StepsPerEpoch);
            var (stepLoss, stepWrong) = Step(model, optimizer, order.AsSpan(start..end));

            seen = end;
            loss += stepLoss * (end - start);
            wrong += stepWrong;
            if (!double.IsFinite(stepLoss))
                throw new UserException($"{variant.Name}: the loss became {stepLoss} in step {step + 1} of epoch {number}: expected a finite number; try an --lr below {settings.LearningRate}");
            stepDone(new TrainingStep(variant, number, 100.0 * wrong / seen, seen / watch.Elapsed.TotalSeconds));
        }
        return (loss / seen, 100.0 * wrong / seen, seen / watch.Elapsed.TotalSeconds);
    }

    private (double Loss, long Wrong) Step(Network model, SGD optimizer, ReadOnlySpan<int> indices)
    {
        // Frees every tensor of the step except the weights, their gradients and the optimizer's momentum.
        using var scope = NewDisposeScope();

        var (images, labels) = training.Select(indices);
        var logits = model.call(images);
        var loss = F.cross_entropy(logits, labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return (loss.item<float>(), CountWrong(logits, labels));
    }

    /// <returns>The test error in %.</returns>
    private double Test(Network model, CancellationToken cancellation)
    {
        model.eval();
        using var _ = no_grad();

        var wrong = 0L;
        foreach (var chunk in Enumerable.Range(0, test.Count).Chunk(TestBatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (images, labels) = test.Select(chunk);
            wrong += CountWrong(model.call(images), labels);
        }
        return 100.0 * wrong / test.Count;
    }

    private static long CountWrong(Tensor logits, Tensor labels) => logits.argmax(1).ne(labels).sum().item<long>();

    private double ComputeLearningRate(int step) => Schedule.ComputeLearningRate(step, Steps, settings.LearningRate);
}
