using System.Diagnostics;
using ResNet.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>Trains a network by stochastic gradient descent and validates it after each epoch.</summary>
/// <param name="state">Where the training is: at its start, or after the epochs that it has behind it.</param>
/// <param name="pictures">To train and validate with.</param>
/// <param name="settings">The recipe.</param>
/// <param name="device">Where the network is.</param>
/// <param name="screen">Where progress is shown.</param>
internal sealed class Trainer(TrainingState state, Pictures pictures, Settings settings, Device device, Screen screen)
{
    private readonly ResNet18 _model = state.Model;
    private readonly (int[] Validation, int[] Training) _pictures = HoldOut(pictures.Count);

    private int StepsPerEpoch => (_pictures.Training.Length + settings.BatchSize - 1) / settings.BatchSize;

    /// <param name="epochDone">Called after each epoch.</param>
    /// <param name="cancellation">Ends the training after the step at hand.</param>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    /// <exception cref="UserException">The loss is no number any more.</exception>
    public void Train(Action epochDone, CancellationToken cancellation)
    {
        using var optimizer = Optimizer();
        state.GiveMomentumTo(optimizer);
        if (state.Average is not null && state.Epochs.Count == 0)
            MovingAverage.Start(state.Average, _model);

        var first = state.Epochs.Count + 1;
        screen.WithBar((settings.Epochs - first + 1) * StepsPerEpoch, () =>
        {
            for (var number = first; number <= settings.Epochs; number++)
            {
                var (loss, accuracy, speed) = TrainEpoch(number, optimizer, cancellation);
                var validation = Evaluation.Of(state.Result, pictures, _pictures.Validation, device, cancellation);
                var epoch = new Epoch(number, loss, accuracy, validation.Loss, validation.Accuracy, speed);
                state.Add(epoch);
                screen.Line($"epoch {number}/{settings.Epochs}  loss {loss:0.000}  accuracy {accuracy:0.000}  " +
                    $"validation loss {validation.Loss:0.000}  accuracy {validation.Accuracy:0.000}  {speed:0} images/s");
                epochDone();
            }
        });
    }

    /// <summary>A tenth of the pictures for the validation, the same ones whatever the seed, so that runs can be compared.</summary>
    private static (int[] Validation, int[] Training) HoldOut(int count)
    {
        var indices = Enumerable.Range(0, count).ToArray();
        new Random(0).Shuffle(indices);
        return (indices[..(count / 10)], indices[(count / 10)..]);
    }

    /// <summary>Weight decay is for what multiplies its input: biases, and the scales of normalisations, need not be small.</summary>
    private SGD Optimizer()
    {
        var parameters = _model.parameters().ToLookup(parameter => parameter.dim() > 1);
        return optim.SGD([Group(parameters[true], settings.WeightDecay), Group(parameters[false], 0)], settings.LearningRate, momentum: 0.9, nesterov: true);

        SGD.ParamGroup Group(IEnumerable<Parameter> members, double decay) =>
            new(members.ToList(), settings.LearningRate, momentum: 0.9, weight_decay: decay, nesterov: true);
    }

    private (double Loss, double Accuracy, double ImagesPerSecond) TrainEpoch(int number, SGD optimizer, CancellationToken cancellation)
    {
        _model.train();
        // Of the seed and the number alone: a training that is resumed with this epoch draws the same numbers.
        var random = new Random(unchecked(settings.Seed * 10_007 + number));
        int[] training = [.. _pictures.Training];
        random.Shuffle(training);

        var (loss, correct, seen) = (0.0, 0L, 0);
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < StepsPerEpoch; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            SetLearningRate(optimizer, (number - 1) * StepsPerEpoch + step);

            // Steps of equal size rather than a small one at the end, whose statistics would be poor
            var start = (int)((long)training.Length * step / StepsPerEpoch);
            var end = (int)((long)training.Length * (step + 1) / StepsPerEpoch);
            var (stepLoss, stepCorrect) = Step(training.AsSpan(start..end), optimizer, random);

            if (state.Average is not null)
                MovingAverage.Update(state.Average, _model, settings.Ema, (long)(number - 1) * StepsPerEpoch + step);

            seen = end;
            loss += stepLoss * (end - start);
            correct += stepCorrect;
            if (!double.IsFinite(stepLoss))
                throw new UserException($"The loss became {stepLoss} in step {step + 1} of epoch {number}: expected a number; try an --lr below {settings.LearningRate}");
            screen.Step($"epoch {number}/{settings.Epochs}  loss {loss / seen:0.000}  accuracy {(double)correct / seen:0.000}  {seen / watch.Elapsed.TotalSeconds:0} images/s");
        }
        return (loss / seen, (double)correct / seen, seen / watch.Elapsed.TotalSeconds);
    }

    private (double Loss, long Correct) Step(ReadOnlySpan<int> indices, SGD optimizer, Random random)
    {
        // Frees every tensor of the step; what remains are the weights, their gradients and the optimizer's momentum.
        using var scope = NewDisposeScope();

        var batch = Batch.Of(pictures, indices, device, random);
        var logits = _model.call(batch.Images);
        var loss = F.cross_entropy(logits, batch.Labels, label_smoothing: settings.LabelSmoothing);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return (loss.item<float>(), logits.argmax(1).eq(batch.Labels).sum().item<long>());
    }

    private void SetLearningRate(SGD optimizer, int step)
    {
        foreach (var group in optimizer.ParamGroups)
            group.LearningRate = Schedule.LearningRate(step, settings.Epochs * StepsPerEpoch, settings.LearningRate);
    }
}
