namespace ResNet.Train;

/// <summary>One pass through the training images. Loss and accuracy of the training are means over its steps.</summary>
internal sealed record Epoch(int Number, double TrainingLoss, double TrainingAccuracy, double ValidationLoss, double ValidationAccuracy, double ImagesPerSecond);
