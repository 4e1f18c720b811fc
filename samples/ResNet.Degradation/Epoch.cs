namespace ResNet.Degradation;

/// <summary>One pass of a network through the training images.</summary>
/// <param name="Variant">Which network.</param>
/// <param name="Seed">Of its initial weights and the order of the images.</param>
/// <param name="Number">From 1.</param>
/// <param name="LearningRate">Of the epoch's last step.</param>
/// <param name="TrainingLoss">Mean over the epoch's steps.</param>
/// <param name="TrainingError">In %, counted over the epoch's steps while the network learns.</param>
/// <param name="TestError">In %, after the epoch.</param>
/// <param name="ImagesPerSecond">Of the training.</param>
internal sealed record Epoch(
    Variant Variant, int Seed, int Number, double LearningRate, double TrainingLoss, double TrainingError, double TestError, double ImagesPerSecond);
