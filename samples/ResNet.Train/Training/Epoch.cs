namespace ResNet.Train;

/// <summary>One pass through the training images. Training loss and accuracy are means over the epoch's images, each before its training step.</summary>
internal sealed record Epoch(int Number, double TrainingLoss, double TrainingAccuracy, double ValidationLoss, double ValidationAccuracy, double ImagesPerSecond);
