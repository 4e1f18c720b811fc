namespace ResNet.Core.Deployment;

/// <summary>Of images or feature maps, without their channels.</summary>
internal readonly record struct BatchSize(long Images, long Height, long Width);
