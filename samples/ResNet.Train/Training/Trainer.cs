using System.Diagnostics;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Trains a network and validates it after each epoch. It reports its progress and leaves screen and files to the caller.</summary>
/// <param name="state">The training's state: the initial one, or the one after the last complete epoch.</param>
/// <param name="data">The images to train and validate with.</param>
/// <param name="network">The model config.</param>
/// <param name="settings">The recipe and the seed.</param>
/// <param name="device">The network's device.</param>
/// <param name="together">The ranks that train together, and the interruption that stops them after the current step.</param>
/// <param name="classWeights">The weight of an image of each class; null is 1.</param>
internal sealed class Trainer(TrainingState state, DataSet data, ModelConfig network, Settings settings, Device device, Together together, double[]? classWeights)
{
    private readonly Recipe _recipe = settings.Recipe;
    private readonly TrainingBatches _batches = new(
        data.Training, network, settings.Recipe, settings.Seed, together.Ranks.Share, classWeights, together.Ranks.Processors);

    /// <summary>The number of training steps that are left.</summary>
    public int StepsLeft => (_recipe.Epochs - state.Epochs.Count) * _batches.Count;

    /// <param name="report">The callbacks.</param>
    /// <exception cref="OperationCanceledException">The user interrupted the training.</exception>
    /// <exception cref="UserException">The loss is not finite, or an image can no longer be read.</exception>
    public void Train(TrainingReport report)
    {
        using var learner = new Learner(state.Model, _recipe, settings.Precision, device, classWeights, together.Ranks);
        state.GiveMomentumTo(learner.Optimizer);
        state.GiveTo(learner.Scaler);
        if (state.Average is not null && state.Epochs.Count == 0)
            MovingAverage.Start(state.Average, state.Model);

        for (var number = state.Epochs.Count + 1; number <= _recipe.Epochs; number++)
        {
            var (loss, accuracy, speed) = TrainEpoch(number, learner, report.StepDone);
            var validation = Evaluation.Evaluate(state.Result, network, data.Validation, device, together);
            var epoch = new Epoch(number, loss, accuracy, validation.Loss, validation.Accuracy, speed);
            state.Add(epoch);
            state.Keep(learner.Scaler);
            report.EpochDone(epoch);
        }
    }

    private (double Loss, double Accuracy, double ImagesPerSecond) TrainEpoch(int number, Learner learner, Action<TrainingStep> stepDone)
    {
        state.Model.train();
        var (loss, correct, seen, step) = (0.0, 0L, 0, (number - 1) * _batches.Count);
        var watch = Stopwatch.StartNew();
        foreach (var next in _batches.LoadEpoch(number))
        {
            using var batch = next;
            together.Agree();
            var rate = Schedule.ComputeLearningRate(step, _recipe.Epochs * _batches.Count, _recipe.LearningRate, _recipe.Warmup);
            var (stepLoss, stepCorrect) = Step(batch, rate);
            if (!double.IsFinite(stepLoss))
                throw new UserException($"The loss became {stepLoss} in epoch {number}: expected a finite number; try an --lr below {_recipe.LearningRate}");
            if (state.Average is not null)
                MovingAverage.Update(state.Average, state.Model, _recipe.Ema, step);

            step++;
            seen += batch.CountOfAll;
            loss += stepLoss * batch.CountOfAll;
            correct += stepCorrect;
            stepDone(new TrainingStep(number, loss / seen, (double)correct / seen, seen / watch.Elapsed.TotalSeconds));
        }
        // Each rank has the running statistics of its own images; use the first rank's.
        together.Ranks.TakeFromFirst([.. state.Model.buffers(), .. state.Average?.buffers() ?? []]);
        return (loss / seen, (double)correct / seen, seen / watch.Elapsed.TotalSeconds);

        (double Loss, long Correct) Step(Batch batch, double rate)
        {
            var (own, ownCorrect) = together.Ranks.RunCollective(() => learner.Step(batch, rate));
            return together.Ranks.Sum(own * batch.Weight, ownCorrect) is [var all, var allCorrect] ? (all, (long)allCorrect) : default;
        }
    }
}
