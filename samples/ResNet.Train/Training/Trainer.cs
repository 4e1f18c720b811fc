using System.Diagnostics;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Trains a network and validates it after each epoch.</summary>
/// <param name="state">Where the training is: at its start, or after the epochs that it has behind it.</param>
/// <param name="data">To train and validate with.</param>
/// <param name="network">What the network is.</param>
/// <param name="settings">The recipe, and the seed.</param>
/// <param name="device">Where the network is.</param>
/// <param name="screen">Where progress is shown.</param>
/// <param name="together">With whom it is trained, and what ends the training after the step at hand.</param>
/// <param name="classWeights">What an image of each class counts; null is 1.</param>
internal sealed class Trainer(TrainingState state, DataSet data, NetworkInfo network, Settings settings, Device device, Screen screen, Together together, double[]? classWeights)
{
    private readonly Recipe _recipe = settings.Recipe;
    private readonly TrainingBatches _batches = new(
        data.Training, network, settings.Recipe, settings.Seed, together.Ranks.Share, classWeights, together.Ranks.Processors);

    /// <param name="epochDone">Called after each epoch.</param>
    /// <exception cref="OperationCanceledException">The user has ended it.</exception>
    /// <exception cref="UserException">The loss is no number any more, or a picture cannot be read any more.</exception>
    public void Train(Action<Epoch> epochDone)
    {
        using var learner = new Learner(state.Model, _recipe, settings.Precision, device, classWeights, together.Ranks);
        state.GiveMomentumTo(learner.Optimizer);
        state.GiveTo(learner.Scaler);
        if (state.Average is not null && state.Epochs.Count == 0)
            MovingAverage.Start(state.Average, state.Model);

        var first = state.Epochs.Count + 1;
        screen.WithBar((_recipe.Epochs - first + 1) * _batches.Count, () =>
        {
            for (var number = first; number <= _recipe.Epochs; number++)
            {
                var (loss, accuracy, speed) = TrainEpoch(number, learner);
                var validation = Evaluation.Of(state.Result, network, data.Validation, device, together);
                var epoch = new Epoch(number, loss, accuracy, validation.Loss, validation.Accuracy, speed);
                state.Add(epoch);
                state.Keep(learner.Scaler);
                screen.Line($"epoch {number}/{_recipe.Epochs}  loss {Digits.FormatLoss(loss)}  accuracy {accuracy:0.000}  " +
                    $"validation loss {Digits.FormatLoss(validation.Loss)}  accuracy {validation.Accuracy:0.000}  {speed:0} images/s");
                epochDone(epoch);
            }
        });
    }

    private (double Loss, double Accuracy, double ImagesPerSecond) TrainEpoch(int number, Learner learner)
    {
        state.Model.train();
        var (loss, correct, seen, step) = (0.0, 0L, 0, (number - 1) * _batches.Count);
        var watch = Stopwatch.StartNew();
        foreach (var next in _batches.Epoch(number))
        {
            using var batch = next;
            together.Agree();
            var rate = Schedule.LearningRate(step, _recipe.Epochs * _batches.Count, _recipe.LearningRate, _recipe.Warmup);
            var (stepLoss, stepCorrect) = Step(batch, rate);
            if (!double.IsFinite(stepLoss))
                throw new UserException($"The loss became {stepLoss} in epoch {number}: expected a number; try an --lr below {_recipe.LearningRate}");
            if (state.Average is not null)
                MovingAverage.Update(state.Average, state.Model, _recipe.Ema, step);

            step++;
            seen += batch.CountOfAll;
            loss += stepLoss * batch.CountOfAll;
            correct += stepCorrect;
            screen.Step($"epoch {number}/{_recipe.Epochs}  loss {Digits.FormatLoss(loss / seen)}  accuracy {(double)correct / seen:0.000}  {seen / watch.Elapsed.TotalSeconds:0} images/s");
        }
        // Each rank has the running statistics of its own images; those of the first one count.
        together.Ranks.TakeFromFirst([.. state.Model.buffers(), .. state.Average?.buffers() ?? []]);
        return (loss / seen, (double)correct / seen, seen / watch.Elapsed.TotalSeconds);

        (double Loss, long Correct) Step(Batch batch, double rate)
        {
            var (own, ownCorrect) = together.Ranks.Within(() => learner.Step(batch, rate));
            return together.Ranks.Sum(own * batch.Weight, ownCorrect) is [var all, var allCorrect] ? (all, (long)allCorrect) : default;
        }
    }
}
