namespace ResNet.Core.Deployment;

/// <summary>The size of a batch of images or feature maps, without the channels.</summary>
internal readonly record struct BatchSize(long Images, long Height, long Width);
