namespace ResNet.Train;

/// <summary>The state of an epoch after a training step.</summary>
/// <param name="Epoch">The epoch's number, from 1.</param>
/// <param name="Loss">The mean loss of the epoch's images so far.</param>
/// <param name="Accuracy">The accuracy on the epoch's images so far.</param>
/// <param name="ImagesPerSecond">The training speed.</param>
internal sealed record TrainingStep(int Epoch, double Loss, double Accuracy, double ImagesPerSecond);

/// <summary>Callbacks of a <see cref="Trainer"/>, on the thread that trains.</summary>
/// <param name="StepDone">Called after each training step.</param>
/// <param name="EpochDone">Called after each epoch and its validation, when the <see cref="TrainingState"/> includes it.</param>
internal sealed record TrainingReport(Action<TrainingStep> StepDone, Action<Epoch> EpochDone);
