namespace ResNet.Degradation;

/// <summary>One pass of a network through the training images.</summary>
/// <param name="Variant">The network.</param>
/// <param name="Seed">The seed of its initial weights and of the image order.</param>
/// <param name="Number">The epoch's number, from 1.</param>
/// <param name="LearningRate">The learning rate of the epoch's last training step.</param>
/// <param name="TrainingLoss">The mean loss of the epoch's images, each before its training step.</param>
/// <param name="TrainingError">The error in % on the epoch's images, each before its training step.</param>
/// <param name="TestError">The error in % on the test images after the epoch.</param>
/// <param name="ImagesPerSecond">The training speed.</param>
internal sealed record Epoch(
    Variant Variant, int Seed, int Number, double LearningRate, double TrainingLoss, double TrainingError, double TestError, double ImagesPerSecond);
