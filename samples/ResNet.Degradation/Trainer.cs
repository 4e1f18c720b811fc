using System.Diagnostics;
using ResNet.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Degradation;

/// <summary>Trains one network after the other, all by the same recipe.</summary>
internal sealed class Trainer(ImageSet training, ImageSet test, Settings settings, Device device, Screen screen)
{
    private const int TestBatchSize = 250;

    private int StepsPerEpoch => (training.Count + settings.BatchSize - 1) / settings.BatchSize;

    private int Steps => settings.Epochs * StepsPerEpoch;

    /// <summary>Of a whole run, for the progress bar.</summary>
    public int StepsOfAll => settings.Networks.Count * settings.Seeds * Steps;

    /// <param name="variant">Which network.</param>
    /// <param name="seed">Of the initial weights and the order of the images: all networks see the same images in the same steps.</param>
    /// <param name="cancellation">Ends the training after the step at hand.</param>
    /// <returns>Each epoch as it is done.</returns>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">The loss is no number any more.</exception>
    public IEnumerable<Epoch> Train(Variant variant, int seed, CancellationToken cancellation)
    {
        using var model = new Network(variant.Kind, variant.Layers, seed, training.Classes, device);
        using var optimizer = new FusedSGD(model.parameters(), settings.LearningRate, momentum: 0.9, weight_decay: 1e-4);
        var random = new Random(seed);
        var order = Enumerable.Range(0, training.Count).ToArray();

        for (var number = 1; number <= settings.Epochs; number++)
        {
            random.Shuffle(order);
            var (loss, error, speed) = TrainEpoch(model, optimizer, order, variant, number, cancellation);
            var testError = TestError(model, cancellation);
            yield return new Epoch(variant, seed, number, LearningRate(number * StepsPerEpoch - 1), loss, error, testError, speed);
        }
    }

    private (double Loss, double Error, double ImagesPerSecond) TrainEpoch(
        Network model, SGD optimizer, int[] order, Variant variant, int number, CancellationToken cancellation)
    {
        model.train();
        var (loss, wrong, seen) = (0.0, 0L, 0);
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < StepsPerEpoch; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = LearningRate((number - 1) * StepsPerEpoch + step);

            // Steps of equal size rather than a small one at the end, whose statistics would be poor
            var start = (int)((long)order.Length * step / StepsPerEpoch);
            var end = (int)((long)order.Length * (step + 1) / StepsPerEpoch);
            var (stepLoss, stepWrong) = Step(model, optimizer, order.AsSpan(start..end));

            seen = end;
            loss += stepLoss * (end - start);
            wrong += stepWrong;
            if (!double.IsFinite(stepLoss))
                throw new UserException($"{variant.Name}: the loss became {stepLoss} in step {step + 1} of epoch {number}: expected a number; try an --lr below {settings.LearningRate}");
            screen.Step($"{variant.Name}  epoch {number}/{settings.Epochs}  training error {100.0 * wrong / seen:0.0} %  {seen / watch.Elapsed.TotalSeconds:0} images/s");
        }
        return (loss / seen, 100.0 * wrong / seen, seen / watch.Elapsed.TotalSeconds);
    }

    private (double Loss, long Wrong) Step(Network model, SGD optimizer, ReadOnlySpan<int> indices)
    {
        // Frees every tensor of the step; what remains are the weights, their gradients and the optimizer's momentum.
        using var scope = NewDisposeScope();

        var (images, labels) = training.Batch(indices);
        var logits = model.call(images);
        var loss = F.cross_entropy(logits, labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return (loss.item<float>(), Wrong(logits, labels));
    }

    /// <summary>In %.</summary>
    private double TestError(Network model, CancellationToken cancellation)
    {
        model.eval();
        using var _ = no_grad();

        var wrong = 0L;
        foreach (var chunk in Enumerable.Range(0, test.Count).Chunk(TestBatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (images, labels) = test.Batch(chunk);
            wrong += Wrong(model.call(images), labels);
        }
        return 100.0 * wrong / test.Count;
    }

    private static long Wrong(Tensor logits, Tensor labels) => logits.argmax(1).ne(labels).sum().item<long>();

    private double LearningRate(int step) => Schedule.LearningRate(step, Steps, settings.LearningRate);
}
